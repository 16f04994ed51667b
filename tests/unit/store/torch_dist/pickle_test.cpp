#include "store/torch_dist/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bascule/error.h"
#include "base/file.h"
#include "unit/store/torch_dist/pickle_literal.h"

namespace bascule::pickle {
namespace {

using testing::HasSubstr;

std::string repeated(const std::string& text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

struct Good {
  const char* what;
  std::string pickle, text;
};

TEST(PickleDecode, EveryOpcode) {
  const Good rows[] = {
      {"none", raw("\x80\x02N."), "None"},
      {"bools", raw("\x80\x02\x88\x89\x86."), "(True, False)"},
      {"bin_int", raw("J\xfe\xff\xff\xff."), "-2"},
      {"bin_int1", raw("K\xff."), "255"},
      {"bin_int2", raw("M\xff\xff."), "65535"},
      {"long1 empty", raw("\x8a\x00."), "0"},
      {"long1 of 5 bytes", raw("\x8a\x05\x00\x00\x00\x00\x01."), "4294967296"},
      {"long1, negative", raw("\x8a\x01\xff."), "-1"},
      {"long1 of 9 bytes that fits", raw("\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\x00."),
       "9223372036854775807"},
      {"long1, smallest int64", raw("\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80."),
       "-9223372036854775808"},
      {"long1 that does not fit", raw("\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00."),
       "<big int of 9 bytes>"},
      {"long4", raw("\x8b\x02\x00\x00\x00\x00\x01."), "256"},
      {"bin_float", raw("G\x3f\xf8\x00\x00\x00\x00\x00\x00."), "1.5"},
      {"bin_unicode", raw("X\x02\x00\x00\x00hi."), "'hi'"},
      {"short_bin_unicode", raw("\x8c\x02hi."), "'hi'"},
      {"bin_unicode8", raw("\x8d\x02\x00\x00\x00\x00\x00\x00\x00hi."), "'hi'"},
      {"bin_string", raw("T\x02\x00\x00\x00hi."), "'hi'"},
      {"short_bin_string", raw("U\x02hi."), "'hi'"},
      {"bin_bytes", raw("B\x02\x00\x00\x00hi."), "<bytes of 2 bytes>"},
      {"short_bin_bytes", raw("C\x02hi."), "<bytes of 2 bytes>"},
      {"bin_bytes8", raw("\x8e\x02\x00\x00\x00\x00\x00\x00\x00hi."), "<bytes of 2 bytes>"},
      {"byte_array8", raw("\x96\x02\x00\x00\x00\x00\x00\x00\x00hi."), "<bytes of 2 bytes>"},
      {"tuples", raw(")K\x01\x85K\x01K\x02\x86\x87."), "((), (1,), (1, 2))"},
      {"tuple1", raw("K\x01\x85."), "(1,)"},
      {"tuple to the mark", raw("(K\x01K\x02K\x03K\x04t."), "(1, 2, 3, 4)"},
      {"list, appends",
       raw("](K\x01K\x02"
           "eK\x03"
           "a."),
       "[1, 2, 3]"},
      {"list of the mark", raw("(K\x01K\x02l."), "[1, 2]"},
      {"dict, set items", raw("}(K\x01K\x02K\x03K\x04uK\x05K\x06s."), "{1: 2, 3: 4, 5: 6}"},
      {"dict of the mark",
       raw("(K\x01K\x02"
           "d."),
       "{1: 2}"},
      {"set", raw("\x8f(K\x01K\x02\x90."), "set(1, 2)"},
      {"frozen set", raw("(K\x01\x91."), "set(1)"},
      {"global", raw("ctorch\nbfloat16\n."), "torch.bfloat16"},
      {"stack_global", raw("\x8c\x05torch\x8c\x04Size\x93."), "torch.Size"},
      {"reduce", raw("cos\nsystem\n\x8c\x02id\x85R."), "os.system('id',)"},
      {"new_obj, build", raw("ca\nB\n)\x81}\x8c\x01xK\x01sb."), "a.B(){'x': 1}"},
      {"new_obj_ex", raw("ca\nB\nK\x01\x85}\x92."), "a.B(1, {})"},
      {"items of an object", raw("ccollections\nOrderedDict\n)R\x8c\x01kK\x01s."),
       "collections.OrderedDict(){'k': 1}"},
      {"appends to an object",
       raw("ccollections\ndeque\n)RK\x01"
           "a."),
       "collections.deque()[1]"},
      {"persistent id", raw("\x8c\x01kQ."), "@'k'"},
      {"memo", raw("\x80\x04K\x07\x94h\x00\x86."), "(7, 7)"},
      {"memo, put and get", raw("K\x07q\x05r\x06\x00\x00\x00j\x05\x00\x00\x00h\x06\x87."),
       "(7, 7, 7)"},
      {"pop, dup, pop_mark",
       raw("K\x01K\x02"
           "02(K\x03"
           "1\x86."),
       "(1, 1)"},
      {"pop of a mark", raw("K\x01(0."), "1"},
      {"frames",
       raw("\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00K\x01\x95\x01\x00\x00\x00\x00\x00"
           "\x00\x00."),
       "1"},
  };
  for (const Good& row : rows) {
    SCOPED_TRACE(row.what);
    EXPECT_EQ(to_string(decode(row.pickle)), row.text);
  }
}

struct Bad {
  const char* what;
  std::string pickle, message;
};

void expect_refused(const Bad& row) {
  SCOPED_TRACE(row.what);
  try {
    decode(row.pickle);
    ADD_FAILURE() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::format);
    EXPECT_THAT(error.what(), HasSubstr(row.message));
  }
}

TEST(PickleDecode, Refuses) {
  const std::string wide = raw("\xff\xff\xff\xff\xff\xff\xff\xff");
  const Bad rows[] = {
      {"nothing", "", "no STOP"},
      {"no stop", "N", "no STOP: 1 bytes"},
      {"only stop", ".", "holds 0 values"},
      {"two values", "NN.", "holds 2 values"},
      {"a mark is left", "N(.", "a mark is left"},
      {"more follows", "N.N", "1 bytes follow"},
      {"protocol 6", raw("\x80\x06N."), "PROTO (0x80) at byte 0: protocol 6"},
      {"protocol cut", raw("\x80"), "needs 1 bytes, but only 0 are left"},
      {"unknown opcode", raw("N\xf0."), "opcode unknown (0xf0) at byte 1"},
      {"zero", raw("\x00."), "opcode unknown (0x00) at byte 0"},
      {"text integer", "I01\n.", "INT (0x49) at byte 0"},
      {"text long", "L1L\n.", "LONG (0x4c)"},
      {"text float", "F1.5\n.", "FLOAT (0x46)"},
      {"text string", "S'a'\n.", "STRING (0x53)"},
      {"text unicode", "Va\n.", "UNICODE (0x56)"},
      {"text memo", "Np0\n.", "PUT (0x70)"},
      {"text persistent id", "Pa\n.", "PERSID (0x50)"},
      {"instance", "(ia\nb\n.", "INST (0x69)"},
      {"old object", "(ca\nb\no.", "OBJ (0x6f)"},
      {"extension", raw("\x82\x01."), "EXT1 (0x82)"},
      {"out-of-band buffer", raw("\x97."), "NEXT_BUFFER (0x97)"},
      {"int cut", raw("J\x01\x02"), "needs 4 bytes, but only 2 are left"},
      {"float cut", raw("G\x01\x02"), "needs 8 bytes"},
      {"string cut", raw("\x8c\x09hi."), "needs 9 bytes, but only 3 are left"},
      {"string of 4 GB", raw("X\xff\xff\xff\xffhi."), "needs 4294967295 bytes"},
      {"string of 2^64 bytes", raw("\x8d") + wide + "hi.", "needs 18446744073709551615 bytes"},
      {"bytes of 2^64 bytes", raw("\x8e") + wide + "hi.", "needs 18446744073709551615 bytes"},
      {"bytearray of 2^64 bytes", raw("\x96") + wide + "hi.", "needs 18446744073709551615 bytes"},
      {"long cut", raw("\x8b\xff\xff\xff\xff."), "LONG4 (0x8b) at byte 0: needs 4294967295"},
      {"frame too long", raw("\x95\x05\x00\x00\x00\x00\x00\x00\x00N."), "a frame of 5 bytes"},
      {"frame of 2^64 bytes", raw("\x95") + wide + "N.", "a frame of 18446744073709551615"},
      {"global without end", "ctorch\nSize", "its line has no end"},
      {"global without name", "ctorch", "its line has no end"},
      {"pop of nothing", "0N.", "POP (0x30) at byte 0: the stack is empty"},
      {"dup of nothing", "2.", "DUP (0x32) at byte 0: the stack is empty"},
      {"pop beyond a mark", "N(2.", "the stack is empty"},
      {"pop_mark without mark", "N1.", "no mark"},
      {"tuple without mark", "Nt.", "TUPLE (0x74) at byte 1: there is no mark"},
      {"tuple2 of one", raw("N\x86."), "TUPLE2 (0x86) at byte 1: the stack is empty"},
      {"tuple1 beyond a mark", raw("N(\x85."), "the stack is empty"},
      {"append to nothing", "Na.", "the stack is empty"},
      {"append to None", "NNa.", "APPEND (0x61) at byte 2: found a None, needs a list"},
      {"append to tuple", ")Na.", "found a tuple, needs a list"},
      {"appends to dict", "}(Ne.", "found a dict, needs a list"},
      {"appends to nothing", "(Ne.", "the stack is empty"},
      {"appends beyond a mark", "N((Ne.", "the stack is empty"},
      {"set item of list", "]NNs.", "found a list, needs a dict"},
      {"set item of one", "}Ns.", "the stack is empty"},
      {"odd set items", "}(Nu.", "an odd number"},
      {"odd dict", "(Nd.", "an odd number"},
      {"add items to list", raw("](N\x90."), "found a list, needs a set"},
      {"list items and dict items",
       raw("ca\nb\n)RNa"
           "NNs."),
       "found a list, needs a dict"},
      {"stack_global of numbers", raw("K\x01K\x02\x93."),
       "STACK_GLOBAL (0x93) at byte 4: found a int"},
      {"stack_global of one",
       raw("\x8c\x01"
           "a\x93."),
       "the stack is empty"},
      {"reduce without tuple", "ca\nb\nNR.", "found a None, needs a tuple"},
      {"reduce of a list", "])R.", "a list cannot be called"},
      {"new_obj of a string",
       raw("\x8c\x01"
           "a)\x81."),
       "a str cannot be called"},
      {"new_obj_ex without dict", raw("ca\nb\n))\x92."), "found a tuple, needs a dict"},
      {"build of a list", "]Nb.", "found a list, needs a object"},
      {"build twice", "ca\nb\n)R}b}b.", "has a state already"},
      {"persistent id of nothing", "Q.", "the stack is empty"},
      {"get of nothing", raw("h\x00."), "memo entry 0 is not set"},
      {"get of a gap", raw("Nq\x05h\x04."), "memo entry 4 is not set"},
      {"long get", raw("j\xff\xff\xff\xff."), "memo entry 4294967295 is not set"},
      {"put far out", raw("Nr\xff\xff\xff\xff."), "memo index 4294967295 in a pickle of 7 bytes"},
      {"put of nothing", raw("q\x00."), "the stack is empty"},
      {"list in itself",
       raw("]q\x00h\x00"
           "a."),
       "a list of the pickle contains itself"},
      {"dict in itself", raw("}q\x00Nh\x00s."), "a dict of the pickle contains itself"},
      {"list in its tuple",
       raw("]q\x00h\x00\x85"
           "a."),
       "contains itself"},
      {"object in its state",
       raw("ca\nb\n)Rq\x00h\x00\x85"
           "b."),
       "a object of the pickle contains itself"},
      {"deep tuples", "N" + repeated("\x85", 300) + ".", "more than 200 levels deep"},
      {"deep lists", repeated("]", 100000) + repeated("a", 99999) + ".",
       "more than 200 levels deep"},
      {"deep persistent ids", "N" + repeated("Q", 1000) + ".", "more than 200 levels deep"},
      {"memo bomb", raw(")") + repeated(raw("2\x86"), 40) + ".", "unfolds to more than"},
      {"memo bomb of lists",
       raw("(]q\x00") +
           repeated(raw("](h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00"
                        "eq\x00"),
                    20) +
           "t.",
       "unfolds to more than"},
      {"four million lists", repeated("]", 4'000'000) + ".", "bytes of memory"},
      {"four million marks", repeated("(", 4'000'000) + ".", "a mark is left"},
  };
  for (const Bad& row : rows) expect_refused(row);
}

TEST(PickleDecode, RefusesEveryTruncation) {
  for (const char* path : {"tests/unit/store/torch_dist/data/ck1/.metadata",
                           "tests/golden/llama/megatron/iter_0000000/.metadata"}) {
    const std::string whole = read_small_file(path, 1 << 20);
    ASSERT_NO_THROW(decode(whole));
    for (size_t size = 0; size < whole.size(); ++size)
      EXPECT_THROW(decode(whole.substr(0, size)), Error) << path << " cut at " << size;
  }
}

TEST(PickleDecode, SurvivesEveryChangedByte) {
  const std::string whole =
      read_small_file("tests/unit/store/torch_dist/data/ck1/.metadata", 1 << 20);
  for (size_t at = 0; at < whole.size(); ++at)
    for (const char change : {'\x01', '\x80', '\xff'}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ change);
      try {
        to_string(decode(changed));
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Kind::format);
      }
    }
}

TEST(PickleDecode, SharesWhatTheMemoShares) {
  const Value pair =
      decode(raw("]K\x01"
                 "aq\x00h\x00\x86."));
  EXPECT_EQ(to_string(pair), "([1], [1])");
  EXPECT_EQ(pair.at(0), pair.at(1));
}

TEST(PickleDecode, SkipsOnlyWhatIsNotNeeded) {
  const std::string pickle = raw("ca\nB\n)\x81}(\x8c\x01xK\x01\x8c\x01yK\x02\x8c\x01zK\x03ub.");
  EXPECT_EQ(to_string(decode(pickle, {.skip = {"y", {"x"}}})), "a.B(){'x': 1}");
  EXPECT_EQ(to_string(decode(pickle, {.skip = {"y", {"x", "z"}}})),
            "a.B(){'x': 1, 'y': 2, 'z': 3}");
  EXPECT_EQ(to_string(decode(pickle, {.skip = {"w", {}}})), "a.B(){'x': 1, 'y': 2, 'z': 3}");
  EXPECT_THROW(decode(pickle.substr(0, pickle.size() - 1), {.skip = {"y", {"x"}}}), Error);
}

TEST(PickleDecode, KeepsToItsMemory) {
  const std::string pickle = repeated("]", 1000) + repeated("0", 999) + ".";
  EXPECT_NO_THROW(decode(pickle));
  EXPECT_THROW(decode(pickle, {.memory = 10000, .skip = {}}), Error);
}

}  // namespace
}  // namespace bascule::pickle

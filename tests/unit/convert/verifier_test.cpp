#include "convert/verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <map>
#include <set>

#include "bascule/error.h"
#include "toys/toys.h"

namespace bascule {
namespace {

using Verdict = TensorReport::Verdict;

class Verifier : public testing::Test {
 protected:
  Arch arch_ = toys::dense(2);
  Slots slots_ = slots(arch_);
  Dialect names_ = canonical(slots_);
  MemorySource a_ = toys::random_source(slots_, names_, 5);
  NullReporter quiet_;

  Report compared(const MemorySource& b) {
    return verify({&slots_, &a_, &names_}, {&slots_, &b, &names_}, quiet_, {});
  }
  /// A copy of the first source with one tensor changed.
  MemorySource changed(const std::string& name,
                       const std::function<void(TensorInfo&, std::vector<std::byte>&)>& change) {
    MemorySource copy;
    for (size_t i = 0; i < a_.tensors().size(); ++i) {
      TensorInfo info = a_.tensors()[i];
      std::vector<std::byte> data = a_.data(i);
      if (info.name == name) change(info, data);
      copy.add(info, data);
    }
    return copy;
  }
};

TEST_F(Verifier, EqualIsEqual) {
  const Report report = compared(a_);
  EXPECT_TRUE(report.equal());
  EXPECT_EQ(report.elements(), slots_.parameters());
  EXPECT_EQ(report.tensors[0].hash.size(), 32u);
}

TEST_F(Verifier, FindsOneFlippedBit) {
  const MemorySource b = changed("layers.1.attn.k", [](TensorInfo&, std::vector<std::byte>& data) {
    data[(3 * 16 + 5) * 4] ^= std::byte{1};
    data[(7 * 16 + 15) * 4 + 3] ^= std::byte{128};
  });
  const Report report = compared(b);
  ASSERT_EQ(report.count(Verdict::differs), 1);
  for (const TensorReport& row : report.tensors)
    if (row.verdict == Verdict::differs) {
      EXPECT_EQ(row.name, "layers.1.attn.k");
      EXPECT_EQ(row.differing, 2);
      EXPECT_EQ(row.first_at, (Shape{3, 5}));
      EXPECT_NE(row.first_value, row.second_value);
      EXPECT_THAT(sentence(row), testing::HasSubstr("2 of 128 elements, first at [3, 5]"));
    }
}

TEST_F(Verifier, AnotherDtypeIsADifference) {
  const MemorySource b =
      changed("norm", [](TensorInfo& info, std::vector<std::byte>&) { info.dtype = DType::i32; });
  const Report report = compared(b);
  EXPECT_EQ(report.count(Verdict::differs), 1);
}

TEST_F(Verifier, NamesWhatOnlyOneSideHas) {
  MemorySource b = changed("", [](TensorInfo&, std::vector<std::byte>&) {});
  b.add({"surprise", DType::u8, {1}}, std::vector<std::byte>(1));
  const Report report = compared(b);
  EXPECT_EQ(report.count(Verdict::extra), 1);
  EXPECT_FALSE(report.equal());
  EXPECT_EQ(report.tensors.back().name, "surprise");
}

TEST_F(Verifier, ComparesWhatTwoModelsHaveAlike) {
  // The second is without biases of q, k and v, has no second layer, and is wider inside.
  Arch other = toys::dense(1);
  std::get<Mlp>(other.layers[0].feed_forward).width += 8;
  const Slots slots = bascule::slots(other);
  const Dialect names = canonical(slots);
  const MemorySource b = toys::random_source(slots, names, 5);
  const auto verdicts = [&](const Spelled& first, const Spelled& second) {
    std::map<std::string, Verdict> found;
    for (const TensorReport& row : verify(first, second, quiet_, {}).tensors)
      found[row.name] = row.verdict;
    return found;
  };
  const Spelled first{&slots_, &a_, &names_}, second{&slots, &b, &names};
  const auto there = verdicts(first, second), back = verdicts(second, first);
  EXPECT_EQ(there.size(), slots_.all().size());
  EXPECT_EQ(back.size(), there.size());
  for (const auto& [name, verdict] : there) {
    const bool gone = name.starts_with("layers.1."), wider = name.find(".mlp.") != name.npos;
    EXPECT_EQ(verdict, gone ? Verdict::absent : wider ? Verdict::differs : verdict) << name;
    EXPECT_EQ(back.at(name), verdict == Verdict::absent ? Verdict::extra : verdict) << name;
  }
  for (const TensorReport& row : verify(first, second, quiet_, {}).tensors)
    if (row.name == "layers.0.mlp.up") {
      EXPECT_EQ(sentence(row), "layers.0.mlp.up differs: shape [12, 16] and [20, 16]");
    }
}

TEST_F(Verifier, PaddingMustBeZeroWhereAsked) {
  // 24 tokens in 32 rows of 16, for the embedding and the head.
  const Dialect padded = megatron(arch_, slots_, {.vocab_multiple = 32});
  const MemorySource random = toys::random_source(slots_, padded, 5);
  const auto zeroed = [&](const std::set<size_t>& but) {
    MemorySource source;
    for (size_t i = 0; i < random.tensors().size(); ++i) {
      const TensorInfo& info = random.tensors()[i];
      std::vector<std::byte> data = random.data(i);
      if (info.shape == Shape{32, 16})
        for (size_t at = 24 * 16 * 4; at < data.size(); ++at)
          if (!but.contains(at)) data[at] = std::byte{0};
      source.add(info, data);
    }
    return source;
  };
  const MemorySource all_zero = zeroed({});
  EXPECT_TRUE(check_padding({&slots_, &all_zero, &padded}).empty());
  const auto filled = check_padding({&slots_, &random, &padded});
  ASSERT_EQ(filled.size(), 2u);
  EXPECT_EQ(filled[0].differing, 8 * 16);

  const MemorySource one = zeroed({(25 * 16 + 3) * 4 + 1});
  const auto rows = check_padding({&slots_, &one, &padded});
  ASSERT_EQ(rows.size(), 2u);
  for (const TensorReport& row : rows) {
    EXPECT_EQ(row.differing, 1) << row.name;
    EXPECT_EQ(row.elements, 8 * 16);
    EXPECT_EQ(row.first_at, (Shape{25, 3}));
    EXPECT_THAT(sentence(row),
                testing::HasSubstr(".weight (its padding, which must be zero) differs: "
                                   "1 of 128 elements, first at [25, 3]: 0 and "));
  }
  // A checkpoint that others trained may hold anything there.
  const Spelled first{&slots_, &all_zero, &padded}, second{&slots_, &one, &padded};
  EXPECT_TRUE(verify(first, second, quiet_, {}).equal());
  EXPECT_EQ(verify(first, second, quiet_, {.zero_padding = true}).count(Verdict::differs), 2);
  EXPECT_TRUE(verify(first, first, quiet_, {.zero_padding = true}).equal());
}

TEST_F(Verifier, AliasesMustRepeatBitForBit) {
  Dialect names = names_;
  names.aliases.push_back({"copy", "norm"});
  MemorySource b = changed("", [](TensorInfo&, std::vector<std::byte>&) {});
  const size_t norm = *find(a_, "norm");
  std::vector<std::byte> data = a_.data(norm);
  b.add({"copy", DType::u32, {16}}, data);
  EXPECT_TRUE(check_aliases(b, names).empty());
  data[8] ^= std::byte{4};
  MemorySource c = changed("", [](TensorInfo&, std::vector<std::byte>&) {});
  c.add({"copy", DType::u32, {16}}, data);
  ASSERT_EQ(check_aliases(c, names).size(), 1u);
  EXPECT_EQ(check_aliases(c, names)[0].first_at, (Shape{2}));
}

TEST_F(Verifier, NamesMustBeThoseOfTheModel) {
  Dialect names = names_;
  names.ignored.push_back("rotary.*.inv_freq");
  MemorySource b = changed("", [](TensorInfo&, std::vector<std::byte>&) {});
  b.add({"rotary.3.inv_freq", DType::u8, {1}}, std::vector<std::byte>(1));
  EXPECT_NO_THROW(check_names(b, names, "here"));
  b.add({"stranger", DType::u8, {1}}, std::vector<std::byte>(1));
  try {
    check_names(b, names, "here");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), Kind::mismatch);
    EXPECT_THAT(e.message(), testing::HasSubstr("1 tensor is unknown: stranger"));
  }
}

TEST_F(Verifier, ShapesMustBeThoseOfTheModel) {
  const MemorySource b = changed("norm", [](TensorInfo& info, std::vector<std::byte>&) {
    info.shape = {4, 4};
  });
  EXPECT_THROW(compared(b), Error);
}

}  // namespace
}  // namespace bascule

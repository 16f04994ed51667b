// The opcodes of Python's pickle protocols 2 to 5 that the decoder takes, and their names.
#pragma once

#include <cstdint>
#include <string_view>

namespace bascule::pickle {

enum class Opcode : uint8_t {
  mark = '(',
  stop = '.',
  pop = '0',
  pop_mark = '1',
  dup = '2',
  none = 'N',
  new_true = 0x88,
  new_false = 0x89,
  bin_int = 'J',
  bin_int1 = 'K',
  bin_int2 = 'M',
  long1 = 0x8a,
  long4 = 0x8b,
  bin_float = 'G',
  bin_string = 'T',
  short_bin_string = 'U',
  bin_unicode = 'X',
  short_bin_unicode = 0x8c,
  bin_unicode8 = 0x8d,
  bin_bytes = 'B',
  short_bin_bytes = 'C',
  bin_bytes8 = 0x8e,
  byte_array8 = 0x96,
  empty_tuple = ')',
  tuple = 't',
  tuple1 = 0x85,
  tuple2 = 0x86,
  tuple3 = 0x87,
  empty_list = ']',
  append = 'a',
  appends = 'e',
  empty_dict = '}',
  dict = 'd',
  list = 'l',
  set_item = 's',
  set_items = 'u',
  empty_set = 0x8f,
  add_items = 0x90,
  frozen_set = 0x91,
  global = 'c',
  stack_global = 0x93,
  reduce = 'R',
  new_obj = 0x81,
  new_obj_ex = 0x92,
  build = 'b',
  bin_put = 'q',
  long_bin_put = 'r',
  memoize = 0x94,
  bin_get = 'h',
  long_bin_get = 'j',
  bin_pers_id = 'Q',
  proto = 0x80,
  frame = 0x95,
};

/// Returns Python's name of an opcode, "unknown" for one that is in no table of ours.
std::string_view name(Opcode opcode);

}  // namespace bascule::pickle

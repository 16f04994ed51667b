// Emits a pickle opcode by opcode: protocol 2, restricted to what torch.load(weights_only=True)
// takes. Names of classes and strings are written once, and recalled from the memo afterwards.
// Not for use by several threads.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "store/torch_dist/pickle_value.h"

namespace bascule::pickle {

class Writer {
 public:
  Writer() : out_("\x80\x02") {}

  void none() { out_ += 'N'; }
  void boolean(bool value) { out_ += value ? '\x88' : '\x89'; }
  void integer(int64_t value);
  void number(double value);
  void string(std::string_view text);
  /// A text that was not written before; returns its number, by which again() repeats it without a
  /// look-up.
  uint32_t fresh_string(std::string_view text);
  void again(uint32_t number);
  void bytes(std::string_view data);
  void global(std::string_view module, std::string_view name);
  /// Writes a value and everything in it. Sets and integers of more than 255 bytes are
  /// Error{unsupported}.
  void value(const Value& value);

  // Containers are bracketed: begin_..., members, end_....
  void begin_tuple() { out_ += '('; }
  void end_tuple() { out_ += 't'; }
  void begin_list() { out_ += "]("; }
  void end_list() { out_ += 'e'; }
  void begin_dict() { out_ += "}("; }
  void end_dict() { out_ += 'u'; }
  void empty_tuple() { out_ += ')'; }

  /// callable, tuple of arguments -> result
  void reduce() { out_ += 'R'; }
  /// class, tuple of arguments -> object
  void new_object() { out_ += '\x81'; }
  /// object, state -> object
  void build() { out_ += 'b'; }
  void persistent() { out_ += 'Q'; }

  /// Expects so many bytes in all.
  void reserve(size_t bytes) { out_.reserve(bytes); }
  /// Ends the pickle and returns it.
  std::string finish();

 private:
  // Recalls what `key` names, if it was written before; else remembers what is now on top.
  bool recall(const std::string& key);
  void remember(const std::string& key);
  uint32_t put();
  template <class Number>
  void little(Number value);

  std::string out_;
  std::unordered_map<std::string, uint32_t> memo_;
  uint32_t remembered_ = 0;
};

}  // namespace bascule::pickle

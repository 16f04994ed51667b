#include "store/torch_dist/pickle_writer.h"

#include <bit>
#include <cstring>

#include "base/check.h"
#include "store/torch_dist/pickle.h"

namespace bascule::pickle {

template <class Number>
void Writer::little(Number value) {
  static_assert(std::endian::native == std::endian::little);
  out_.append(reinterpret_cast<const char*>(&value), sizeof value);
}

bool Writer::recall(const std::string& key) {
  const auto found = memo_.find(key);
  if (found == memo_.end()) return false;
  again(found->second);
  return true;
}

void Writer::again(uint32_t number) {
  if (number < 256) {
    out_ += 'h';
    little(static_cast<uint8_t>(number));
  } else {
    out_ += 'j';
    little(number);
  }
}

void Writer::remember(const std::string& key) { memo_.emplace(key, put()); }

uint32_t Writer::put() {
  const uint32_t index = remembered_++;
  if (index < 256) {
    out_ += 'q';
    little(static_cast<uint8_t>(index));
  } else {
    out_ += 'r';
    little(index);
  }
  return index;
}

void Writer::integer(int64_t value) {
  if (value >= 0 && value < 256) {
    out_ += 'K';
    little(static_cast<uint8_t>(value));
  } else if (value >= 0 && value < 65536) {
    out_ += 'M';
    little(static_cast<uint16_t>(value));
  } else if (value == static_cast<int32_t>(value)) {
    out_ += 'J';
    little(static_cast<int32_t>(value));
  } else {
    // LONG1 takes the fewest bytes that keep the sign.
    uint8_t size = 5;
    while (size < 8 && (value >> (8 * size - 1)) != 0 && (value >> (8 * size - 1)) != -1) ++size;
    out_ += '\x8a';
    little(size);
    out_.append(reinterpret_cast<const char*>(&value), size);
  }
}

void Writer::number(double value) {
  out_ += 'G';
  little(__builtin_bswap64(std::bit_cast<uint64_t>(value)));
}

void Writer::string(std::string_view text) {
  const std::string key = std::string("s").append(text);
  if (!recall(key)) memo_.emplace(key, fresh_string(text));
}

uint32_t Writer::fresh_string(std::string_view text) {
  require(text.size() <= UINT32_MAX, Kind::unsupported, "a string of {} bytes to pickle",
          text.size());
  out_ += 'X';
  little(static_cast<uint32_t>(text.size()));
  out_ += text;
  return put();
}

// Protocol 2 has no bytes: Python spells them as _codecs.encode(text, "latin1").
void Writer::bytes(std::string_view data) {
  std::string text;
  for (const char byte : data) {
    const auto code = static_cast<uint8_t>(byte);
    if (code < 0x80) {
      text += byte;
    } else {
      text += static_cast<char>(0xc0 | (code >> 6));
      text += static_cast<char>(0x80 | (code & 0x3f));
    }
  }
  global("_codecs", "encode");
  begin_tuple();
  string(text);
  string("latin1");
  end_tuple();
  reduce();
}

void Writer::global(std::string_view module, std::string_view name) {
  const std::string key = std::string("c").append(module).append("\n").append(name);
  if (recall(key)) return;
  require(module.find('\n') == module.npos && name.find('\n') == name.npos, Kind::unsupported,
          "a line break in the name of a class to pickle: {}.{}", module, name);
  out_ += key;
  out_ += '\n';
  remember(key);
}

void Writer::value(const Value& value) {
  const auto members = [&] {
    for (size_t i = 0; i < value.size(); ++i) this->value(value.at(i));
  };
  switch (value.type()) {
    case Type::none:
      none();
      break;
    case Type::boolean:
      boolean(value.boolean());
      break;
    case Type::integer:
      integer(value.integer());
      break;
    case Type::number:
      number(value.number());
      break;
    case Type::string:
      string(value.string());
      break;
    case Type::bytes:
      bytes(value.bytes());
      break;
    case Type::big_integer: {
      const std::string_view digits = value.bytes();
      require(digits.size() < 256, Kind::unsupported, "an integer of {} bytes to pickle",
              digits.size());
      out_ += '\x8a';
      little(static_cast<uint8_t>(digits.size()));
      out_ += digits;
      break;
    }
    case Type::tuple:
      if (value.size() == 0) {
        empty_tuple();
        break;
      }
      begin_tuple();
      members();
      end_tuple();
      break;
    case Type::list:
      begin_list();
      members();
      end_list();
      break;
    case Type::dict:
      begin_dict();
      for (size_t i = 0; i < value.size(); ++i) {
        this->value(value.key(i));
        this->value(value.value(i));
      }
      end_dict();
      break;
    case Type::global:
      global(value.module(), value.name());
      break;
    case Type::object:
      this->value(value.callable());
      this->value(value.args());
      value.made_by_new() ? new_object() : reduce();
      if (const Value items = value.items(); items.type() == Type::dict) {
        out_ += '(';
        for (size_t i = 0; i < items.size(); ++i) {
          this->value(items.key(i));
          this->value(items.value(i));
        }
        end_dict();
      } else if (items.type() == Type::list) {
        out_ += '(';
        for (size_t i = 0; i < items.size(); ++i) this->value(items.at(i));
        end_list();
      }
      if (!value.state().is_none()) {
        this->value(value.state());
        build();
      }
      break;
    case Type::persistent:
      this->value(value.id());
      persistent();
      break;
    case Type::set:
      fail(Kind::unsupported, "a set cannot be pickled in protocol 2");
  }
}

std::string Writer::finish() {
  out_ += '.';
  return std::move(out_);
}

std::string encode(const Value& value) {
  Writer writer;
  writer.value(value);
  return writer.finish();
}

}  // namespace bascule::pickle

#include "store/torch_dist/storage_class.h"

#include "base/check.h"
#include "store/torch_dist/pickle.h"

namespace bascule {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
};

constexpr Row kRows[] = {
    {DType::bf16, "BFloat16Storage"},    {DType::f16, "HalfStorage"},
    {DType::f32, "FloatStorage"},        {DType::f64, "DoubleStorage"},
    {DType::u8, "ByteStorage"},          {DType::i8, "CharStorage"},
    {DType::i16, "ShortStorage"},        {DType::i32, "IntStorage"},
    {DType::i64, "LongStorage"},         {DType::boolean, "BoolStorage"},
    {DType::c64, "ComplexFloatStorage"},
};

}  // namespace

DType dtype_of_storage(const pickle::Value& cls) {
  if (cls.type() == pickle::Type::global && cls.module() == "torch")
    for (const Row& row : kRows)
      if (row.name == cls.name()) return row.dtype;
  fail(Kind::format, "a storage class is expected, found {}", to_string(cls));
}

std::string_view storage_class(DType dtype) {
  for (const Row& row : kRows)
    if (row.dtype == dtype) return row.name;
  return "";
}

}  // namespace bascule

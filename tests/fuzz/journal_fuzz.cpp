// The record of how far an interrupted run got, and back: what makes sense of it is kept whole.
#include "convert/journal.h"

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  constexpr size_t kFiles = 3;
  return refuses_or_reads([&] {
    const Marks marks = parse_journal(text_of(data, size), kFiles);
    must_hold(marks.of.size() == kFiles && marks.end <= size);
    std::string again;
    for (size_t file = 0; file < kFiles; ++file) {
      int64_t before = 0;
      for (const Mark& mark : marks.of[file]) {
        must_hold(mark.bytes > before);
        before = mark.bytes;
        again += journal_line(file, mark);
      }
    }
    const Marks second = parse_journal(again, kFiles);
    must_hold(second.of == marks.of && second.end == again.size());
  });
}

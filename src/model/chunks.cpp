#include "model/chunks.h"

namespace bascule {

std::vector<Box> chunks(const Layout& layout, const Slots& slots) {
  std::vector<Box> boxes;
  switch (layout.kind()) {
    case Layout::Node::stack: {
      const Layout& part = layout.parts()[0];
      for (int64_t i = 0; i < layout.number(); ++i)
        for (Box& box : chunks(part.with(layout.name(), i), slots)) {
          box.at.insert(box.at.begin(), i);
          box.extent.insert(box.extent.begin(), 1);
          boxes.push_back(std::move(box));
        }
      return boxes;
    }
    case Layout::Node::interleave:
      if (layout.number() == 1) {
        int64_t row = 0;
        for (const Layout& part : layout.parts()) {
          Box box = whole(part.pack(slots).shape);
          box.at[0] = row;
          row += box.extent[0];
          boxes.push_back(std::move(box));
        }
        return boxes;
      }
      break;
    case Layout::Node::leaf:
    case Layout::Node::pad:
    case Layout::Node::turn:
      break;
  }
  return {whole(layout.pack(slots).shape)};
}

}  // namespace bascule

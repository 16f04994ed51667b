"""Tests the layer checker: each rule on a tree that breaks it, and on one that does not."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import check_layers  # noqa: E402

HEADER = "// A thing.\n#pragma once\n"
GOOD = {
    "include/bascule/bridge.h": HEADER + "#include <string>\n",
    "include/bascule/error.h": HEADER + "#include <stdexcept>\n",
    "src/base/CMakeLists.txt": "bascule_box(base\n  SOURCES\n    box.cpp)\n",
    "src/base/box.cpp": '#include "base/box.h"\n',
    "src/base/box.h": HEADER + '#include <fmt/format.h>\n#include "bascule/error.h"\n',
    "src/bridge/bridge.h": HEADER,
    "src/convert/plan.h": HEADER + '#include "model/layout.h"\n#include "store/source.h"\n',
    "src/families/llama.h": HEADER + '#include "model/layout.h"\n#include "settings/field.h"\n',
    "src/model/layout.h": HEADER + '#include "base/box.h"\n',
    "src/settings/field.h": HEADER,
    "src/store/CMakeLists.txt": "bascule_box(store SOURCES json.cpp USES base)\n",
    "src/store/json.cpp": "#include <nlohmann/json.hpp>\n",
    "src/store/source.h": HEADER + '#include "base/box.h"\n',
    "cli/main.cpp": '#include "bascule/bridge.h"\n#include "base/box.h"\n',
    "cli/CMakeLists.txt": "add_executable(bascule main.cpp)\n",
    "engine/nn/CMakeLists.txt": "bascule_engine_box(nn SOURCES gqa.cpp USES convert)\n",
    "engine/nn/gqa.cpp": "",
    "engine/nn/gqa.h": HEADER + '#include <torch/torch.h>\n#include "convert/plan.h"\n',
    "tests/unit/store/json_test.cpp": '#include "store/source.h"\n#include "convert/plan.h"\n',
    "tests/unit/store/CMakeLists.txt": "bascule_test(t SOURCES json_test.cpp)\n",
}
# Files that replace or join the good ones, and what the checker must say of them.
BAD: list[tuple[dict[str, str], str]] = [
    ({"src/base/up.h": HEADER + '#include "store/source.h"\n'}, "store's, which base may not see"),
    (
        {"src/store/up.h": HEADER + '#include "model/layout.h"\n'},
        "model's, which store may not see",
    ),
    (
        {"src/model/up.h": HEADER + '#include "store/source.h"\n'},
        "store's, which model may not see",
    ),
    ({"src/model/up.h": HEADER + '#include "families/llama.h"\n'}, "families's, which model"),
    ({"src/families/up.h": HEADER + '#include "store/source.h"\n'}, "store's, which families"),
    ({"src/convert/up.h": HEADER + '#include "families/llama.h"\n'}, "families's, which convert"),
    ({"src/settings/up.h": HEADER + '#include "model/layout.h"\n'}, "model's, which settings"),
    ({"src/store/up.h": HEADER + '#include "bascule/bridge.h"\n'}, "bridge's, which store"),
    ({"cli/up.h": HEADER + '#include "convert/plan.h"\n'}, "convert's, which cli may not see"),
    ({"cli/up.h": HEADER + '#include "bridge/bridge.h"\n'}, "cli may see its public headers only"),
    ({"cli/up.h": HEADER + '#include "nn/gqa.h"\n'}, "nn's, which cli may not see"),
    ({"src/base/up.h": HEADER + '#include "nn/gqa.h"\n'}, "nn's, which base may not see"),
    ({"engine/nn/up.h": HEADER + '#include "families/llama.h"\n'}, "families's, which nn"),
    ({"engine/recipe/up.h": HEADER + "#include <c10/core/Device.h>\n"}, "only engine/ (kernels"),
    ({"src/base/up.h": HEADER + '#include "box.h"\n'}, '"box.h" is no full path'),
    (
        {"tests/toy.h": HEADER, "src/base/up.h": HEADER + '#include "toy.h"\n'},
        "toy.h is a test's",
    ),
    (
        {"include/bascule/new.h": HEADER, "cli/up.h": HEADER + '#include "bascule/new.h"\n'},
        "say which box owns it",
    ),
    ({"src/base/up.h": HEADER + "#include <torch/torch.h>\n"}, "may include torch"),
    ({"src/base/up.h": HEADER + "#  include <ATen/ATen.h>\n"}, "may include torch"),
    ({"tests/up.h": HEADER + "#include <c10/util/Half.h>\n"}, "may include torch"),
    ({"src/store/up.h": HEADER + "#include <nlohmann/json.hpp>\n"}, "belongs in .cpp files"),
    ({"src/settings/up.h": HEADER + "#include <yaml-cpp/yaml.h>\n"}, "belongs in .cpp files"),
    (
        {"include/bascule/error.h": HEADER + "#include <fmt/format.h>\n"},
        "a public header includes no third-party header",
    ),
    ({"src/base/up.h": "// A thing.\n"}, "no #pragma once"),
    ({"src/base/up.h": "#pragma once\n"}, "opens with a comment"),
    ({"src/base/up.h": HEADER + "using namespace std;\n"}, "using namespace in a header"),
    ({"src/base/up.h": HEADER + "\n" * 399}, "401 lines, 400 at most"),
    ({"src/base/file_utils.h": HEADER}, "the answer is the name"),
    ({"src/base/common.h": HEADER}, "the answer is the name"),
    ({"src/base/lost.cpp": ""}, "no CMakeLists.txt names it"),
    ({"src/base/ox.cpp": ""}, "no CMakeLists.txt names it"),
    (
        {"src/store/CMakeLists.txt": "bascule_box(store\n SOURCES json.cpp\n USES base\n model)\n"},
        "store links model, which it may not see",
    ),
    (
        {
            "src/base/a.h": HEADER + '#include "base/b.h"\n',
            "src/base/b.h": HEADER + '#include "base/a.h"\n',
        },
        "includes go round: src/base/a.h > src/base/b.h > src/base/a.h",
    ),
]


class CheckLayers(unittest.TestCase):
    def violations(self, changed: dict[str, str]) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (GOOD | changed).items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return check_layers.violations(Path(folder))

    def test_clean_tree(self) -> None:
        self.assertEqual(self.violations({}), [])

    def test_one_violation_each(self) -> None:
        for changed, message in BAD:
            with self.subTest(message=message, files=[*changed]):
                found = self.violations(changed)
                self.assertEqual(len(found), 1, found)
                self.assertIn(message, found[0])

    def test_public_headers_are_those_that_are_there(self) -> None:
        folder = Path(__file__).parents[2] / "include"
        there = {str(path.relative_to(folder)) for path in folder.rglob("*.h")}
        self.assertEqual(set(check_layers.PUBLIC), there)

    def test_four_hundred_lines_are_allowed(self) -> None:
        self.assertEqual(self.violations({"src/base/up.h": HEADER + "\n" * 398}), [])

    def test_json_is_allowed_where_a_source_file_reads_it(self) -> None:
        self.assertEqual(
            self.violations({"src/base/box.cpp": "#include <nlohmann/json.hpp>\n"}), []
        )


if __name__ == "__main__":
    unittest.main()

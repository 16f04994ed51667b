// A run's metrics as a picture, drawn by gnuplot.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/check.h"
#include "base/file.h"
#include "base/process.h"
#include "cli/verb_table.h"

namespace bascule::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int64_t kMostBytes = int64_t{1} << 30;

struct Wanted {
  std::string run, out;
};

/// A curve: where it is drawn, and the key of metrics.jsonl that it shows.
struct Curve {
  int panel;
  const char* key;
  const char* title;
};
constexpr Curve kCurves[] = {
    {0, "loss", "training"},
    {0, "validation_loss", "validation"},
    {1, "lr", "learning rate"},
    {2, "grad_norm", "gradient norm"},
    {3, "tokens_per_second", "tokens a second"},
};
constexpr const char* kPanels[] = {"loss", "learning rate", "gradient norm", "throughput"};

std::vector<Json> rows_of(const fs::path& file) {
  std::istringstream lines(read_small_file(file, kMostBytes));
  std::vector<Json> rows;
  int64_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    Json row = Json::parse(line, nullptr, false);
    require(row.is_object() && row.contains("step") && row["step"].is_number_integer(),
            Kind::format, "{}: line {} is no JSON object with a step", file.string(), number);
    rows.push_back(std::move(row));
  }
  require(!rows.empty(), Kind::user, "{} has no steps yet", file.string());
  return rows;
}

struct Point {
  double step, value;
};

std::vector<Point> points_of(const std::vector<Json>& rows, const char* key) {
  std::vector<Point> points;
  for (const Json& row : rows)
    if (row.contains(key) && row[key].is_number())
      points.push_back({row["step"].get<double>(), row[key].get<double>()});
  return points;
}

/// Room around values that are all the same, where gnuplot would warn; else its own range.
std::string range_of(char axis, const std::vector<Point>& points, double Point::*value) {
  const auto [least, most] = std::ranges::minmax(points, {}, value);
  if (least.*value < most.*value) return fmt::format("set autoscale {}\n", axis);
  const double at = least.*value, room = at == 0 ? 1 : std::abs(at) / 100;
  return fmt::format("set {}range [{}:{}]\n", axis, at - room, at + room);
}

/// A name between single quotes, as gnuplot reads it.
std::string quoted(const std::string& text) {
  std::string safe = "'";
  for (const char letter : text) safe += letter == '\'' ? "''" : std::string(1, letter);
  return safe + "'";
}

std::string script(const std::vector<Json>& rows, const std::string& out) {
  const bool png = out.ends_with(".png");
  std::string text = fmt::format(
      "set terminal {} size 1200,800 font 'Sans,11'\nset output {}\n"
      "set multiplot layout 2,2\nset grid lc rgb '#d0d7de'\nset xlabel 'step'\n"
      "set key top right noenhanced\n",
      png ? "pngcairo" : "svg", quoted(out));
  constexpr const char* kColours[] = {"#3b5bdb", "#d9480f"};
  for (int panel = 0; panel < 4; ++panel) {
    std::string curves;
    std::vector<Point> all;
    int drawn = 0;
    text += fmt::format("set title '{}'\n", kPanels[panel]);
    for (const Curve& curve : kCurves) {
      const std::vector<Point> points =
          curve.panel == panel ? points_of(rows, curve.key) : std::vector<Point>{};
      if (points.empty()) continue;
      text += fmt::format("$d{}{} << EOD\n", panel, drawn);
      for (const Point& point : points) text += fmt::format("{} {}\n", point.step, point.value);
      text += "EOD\n";
      curves +=
          fmt::format("{}$d{}{} with {} lc rgb '{}' lw 1.5 title '{}'", drawn ? ", " : "", panel,
                      drawn, drawn || points.size() == 1 ? "linespoints pt 7 ps 0.6" : "lines",
                      kColours[drawn % 2], curve.title);
      all.insert(all.end(), points.begin(), points.end());
      ++drawn;
    }
    if (drawn)
      text += range_of('x', all, &Point::step) + range_of('y', all, &Point::value) + "plot " +
              curves + "\n";
    else
      text += "set multiplot next\n";
  }
  return text + "unset multiplot\nset output\n";
}

void run_gnuplot(const std::string& program) {
  std::string file = (fs::temp_directory_path() / "bascule-plot-XXXXXX").string();
  const int descriptor = ::mkstemp(file.data());
  require(descriptor >= 0, Kind::environment, "cannot make a file like {}", file);
  ::close(descriptor);
  File::modify(file).pwrite_all(0, as_bytes(program));
  const bool ran = run_program({"gnuplot", file});
  std::error_code ignored;
  fs::remove(file, ignored);
  require(ran, Kind::environment,
          "gnuplot could not draw; it is in Debian's package gnuplot-nox, which may be missing");
}

Result run(const Wanted& wanted, const Session& session) {
  const bool folder = fs::is_directory(wanted.run);
  const fs::path metrics = folder ? fs::path(wanted.run) / "metrics.jsonl" : fs::path(wanted.run);
  require(fs::exists(metrics), Kind::user,
          "{} does not exist; training writes it into checkpoint.save, or as logger.metrics_path",
          metrics.string());
  const std::string out =
      wanted.out.empty() ? (metrics.parent_path() / "plot.svg").string() : wanted.out;
  require(out.ends_with(".svg") || out.ends_with(".png"), Kind::user,
          "--out {} ends neither in .svg nor in .png", out);
  const fs::path parent = fs::path(out).parent_path();
  std::error_code ignored;
  require(parent.empty() || fs::is_directory(parent, ignored), Kind::user,
          "--out {}: there is no folder {}; make it, or name another", out, parent.string());
  const std::vector<Json> rows = rows_of(metrics);
  run_gnuplot(script(rows, out));
  if (session.json)
    return {.exit = 0, .out = Json{{"ok", true}, {"picture", out}}.dump() + "\n", .err = {}};
  return {.exit = 0, .out = session.quiet ? "" : out + "\n", .err = {}};
}

Invocation make() {
  auto wanted = std::make_shared<Wanted>();
  Invocation made;
  made.options = {
      argument("RUN_DIR", "A run's checkpoint.save, or a file of its metrics.", wanted->run),
      text("--out", "FILE", "The picture, .svg or .png (default: plot.svg beside the metrics).",
           wanted->out),
  };
  made.run = [wanted](const Session& session) { return run(*wanted, session); };
  return made;
}

}  // namespace

Verb plot_verb() {
  return {
      .name = "plot",
      .summary = "Draw a run's loss, rates and throughput.",
      .description =
          "Draws metrics.jsonl of a training run: loss of training and validation, learning rate, "
          "gradient norm, tokens a second. Needs gnuplot (Debian: gnuplot-nox).",
      .examples =
          "# A picture of a run, runs/llama/plot.svg\n"
          "bascule plot runs/llama\n\n"
          "# As PNG, elsewhere\n"
          "bascule plot runs/llama --out llama.png",
      .make = make,
  };
}

}  // namespace bascule::cli

#include "search/trajectory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "search/design.hpp"
#include "search/journal.hpp"
#include "search/lineage.hpp"
#include "support/diagnostic.hpp"

namespace perfmodel {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::json;

// Text that an agent may have written: printable, on one line, short.
std::string shown(const std::string& text, std::size_t most) {
  std::string clean;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte != 0x7f) clean += c;
    if (c == '\n' && !clean.empty()) clean += ' ';
    if (clean.size() >= most) break;
  }
  return clean;
}

TrajectoryVersion read_version(const Json& json, const LineageVersion& committed) {
  TrajectoryVersion version;
  version.number = committed.number;
  version.commit = committed.commit;
  version.from = json.value("from", -1);
  version.variation = shown(json.value("operator", ""), 40);
  version.change = shown(json.value("change", ""), 400);
  version.rule = shown(json.value("rule", ""), 400);
  version.because = shown(json.value("because", ""), 400);
  version.source = shown(json.value("source", ""), 400);
  version.notes = shown(json.value("notes", ""), 4000);
  version.limiter = shown(json.value("limiter", ""), 40);
  version.evaluations = json.value("evaluations", 0);
  version.measurements = json.value("measurements", 0);
  version.seconds = json.value("seconds", 0.0);
  version.fitness = read_fitness(json.at("fitness").dump());
  return version;
}

double best_before(const Trajectory& trajectory, std::size_t index) {
  double best = 0;
  for (std::size_t i = 0; i < index; ++i) best = std::max(best, trajectory.versions[i].fitness.geomean);
  return best;
}

std::string percent(double ratio) { return fmt::format("{:+.1f} %", 100 * (ratio - 1)); }

std::string why(const TrajectoryVersion& version) {
  std::string text = version.rule;
  if (!version.because.empty()) text += (text.empty() ? "" : ": ") + version.because;
  if (!version.source.empty()) text += fmt::format(" ({})", version.source);
  return text;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

constexpr double width = 860, height = 320, left = 60, right = 20, top = 20, bottom = 40;

// The steps of the geometric mean over evaluations, and a point a version.
std::string curve(const Trajectory& trajectory) {
  const std::vector<TrajectoryVersion>& versions = trajectory.versions;
  double most = 0;
  double last = 1;
  for (const TrajectoryVersion& version : versions) {
    most = std::max(most, version.fitness.geomean);
    last = std::max(last, static_cast<double>(version.evaluations));
  }
  most *= 1.05;
  const auto x = [&](double evaluations) { return left + evaluations / last * (width - left - right); };
  const auto y = [&](double value) { return height - bottom - value / most * (height - top - bottom); };
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"TFLOPS over evaluations\">\n", width, height);
  for (int i = 0; i <= 4; ++i) {
    const double value = most * i / 4;
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>"
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{:.0f}</text>\n",
        left, width - right, y(value), y(value), left - 6, y(value) + 4, value);
  }
  std::string path;
  double best = 0;
  for (const TrajectoryVersion& version : versions) {
    const double before = best;
    best = std::max(best, version.fitness.geomean);
    path += path.empty() ? fmt::format("M{:.1f} {:.1f}", x(version.evaluations), y(best))
                         : fmt::format(" L{:.1f} {:.1f} L{:.1f} {:.1f}", x(version.evaluations), y(before),
                                       x(version.evaluations), y(best));
  }
  svg += fmt::format("<path class=\"best\" d=\"{}\"/>\n", path);
  for (const TrajectoryVersion& version : versions) {
    svg += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"><title>version {}: {:.1f} TFLOPS, {}</title></circle>\n",
        x(version.evaluations), y(version.fitness.geomean), version.number, version.fitness.geomean,
        escaped(version.change));
  }
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">evaluations (to {:.0f})</text>\n</svg>\n",
                     (left + width) / 2, height - 8, last);
  return svg;
}

constexpr std::string_view style = R"(
body { font: 14px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 1100px; padding: 0 1em; color: #222; background: #fff; }
table { border-collapse: collapse; width: 100%; } th, td { padding: .25em .6em; text-align: right; vertical-align: top; border-bottom: 1px solid #ddd; }
th:last-child, td:last-child { text-align: left; } .why { color: #555; font-size: 12px; }
svg text { font-size: 11px; fill: #555; } .grid { stroke: #ddd; } .best { fill: none; stroke: #1666c5; stroke-width: 2; } circle { fill: #1666c5; }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818; } th, td { border-color: #444; } .why, svg text { color: #aaa; fill: #aaa; }
  .grid { stroke: #444; } .best { stroke: #6cb2ff; } circle { fill: #6cb2ff; } }
)";

}  // namespace

Trajectory load_trajectory(const std::string& folder) {
  const std::string git = (fs::path(folder) / "lineage.git").string();
  if (!is_lineage(git)) {
    throw InputError(file_location(folder), "no search in this folder: it has no lineage.git",
                     {{{}, "name the folder that perfmodel evolve wrote with --out"}});
  }
  Trajectory trajectory;
  trajectory.name = fs::path(folder).lexically_normal().filename().string();
  const Lineage lineage = Lineage::for_reading(git);
  for (const LineageVersion& version : lineage.versions()) {
    const Json json = Json::parse(lineage.file(version, "score.json").value_or(""), nullptr, false);
    if (!json.is_object() || !json.contains("fitness")) {
      throw InputError(file_location(git), fmt::format("version {} has no score.json that reads", version.number));
    }
    trajectory.versions.push_back(read_version(json, version));
    trajectory.versions.back().candidate = lineage.file(version, std::string(candidate_file)).value_or("{}");
  }
  const std::vector<std::string> lines = Journal::read((fs::path(folder) / "journal.jsonl").string());
  trajectory.ended = !lines.empty() && lines.back().starts_with(R"({"event":"end")");
  return trajectory;
}

std::string trajectory_text(const Trajectory& trajectory) {
  std::string text = fmt::format("{}: {} versions{}\n\n", trajectory.name, trajectory.versions.size(),
                                 trajectory.ended ? "" : ", not ended");
  text += fmt::format("{:>4} {:>12} {:>9} {:>9} {:>9}  {}\n", "v", "evaluations", "TFLOPS", "gain", "total", "change");
  for (std::size_t i = 0; i < trajectory.versions.size(); ++i) {
    const TrajectoryVersion& version = trajectory.versions[i];
    const double before = best_before(trajectory, i);
    text += fmt::format("{:>4} {:>12} {:>9.1f} {:>9} {:>9}  {}\n", version.number, version.evaluations,
                        version.fitness.geomean, i == 0 ? "" : percent(version.fitness.geomean / before),
                        i == 0 ? "" : percent(version.fitness.geomean / trajectory.versions[0].fitness.geomean),
                        version.change);
    if (const std::string reason = why(version); !reason.empty()) text += fmt::format("{:>48}  {}\n", "", reason);
  }
  return text;
}

std::string trajectory_json(const Trajectory& trajectory) {
  Json json{{"name", trajectory.name}, {"ended", trajectory.ended}, {"versions", Json::array()}};
  for (const TrajectoryVersion& version : trajectory.versions) {
    json["versions"].push_back({{"version", version.number},
                                {"from", version.from},
                                {"commit", version.commit},
                                {"operator", version.variation},
                                {"change", version.change},
                                {"rule", version.rule},
                                {"source", version.source},
                                {"limiter", version.limiter},
                                {"evaluations", version.evaluations},
                                {"measurements", version.measurements},
                                {"seconds", version.seconds},
                                {"candidate", Json::parse(version.candidate, nullptr, /*allow_exceptions=*/false)},
                                {"fitness", Json::parse(fitness_json(version.fitness))}});
  }
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string trajectory_html(const Trajectory& trajectory) {
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title><style>{1}</style></head>\n"
      "<body><h1>{0}</h1>\n{2}<table><thead><tr><th>version</th><th>evaluations</th><th>TFLOPS</th><th>gain</th>"
      "<th>total</th><th>change</th></tr></thead><tbody>\n",
      escaped(trajectory.name), style, trajectory.versions.empty() ? "" : curve(trajectory));
  for (std::size_t i = 0; i < trajectory.versions.size(); ++i) {
    const TrajectoryVersion& version = trajectory.versions[i];
    const double before = best_before(trajectory, i);
    html += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{:.1f}</td><td>{}</td><td>{}</td><td>{}<div class=\"why\">{}</div></td></tr>\n",
        version.number, version.evaluations, version.fitness.geomean,
        i == 0 ? "" : percent(version.fitness.geomean / before),
        i == 0 ? "" : percent(version.fitness.geomean / trajectory.versions[0].fitness.geomean),
        escaped(version.change), escaped(why(version)));
  }
  return html + "</tbody></table></body></html>\n";
}

}  // namespace perfmodel

// The tools of a search: what was tried (lineage), what others found (knowledge), and what an agent proposes (submit).
// Texts are handed on as data; a client that takes them for instructions was not told so by this server.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "cli/git.hpp"
#include "cli/mcp_tools.hpp"
#include "support/data_path.hpp"
#include "support/diagnostic.hpp"
#include "support/yaml.hpp"

namespace perfmodel {

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::size_t most_versions = 200;
constexpr std::size_t most_submissions = 1000;
constexpr std::size_t longest_submission = std::size_t{256} << 10U;
constexpr std::size_t longest_note = 4096;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

// A file of a version; nothing if it has none.
json file_of(const std::string& repository, const std::string& commit, const std::string& name) {
  try {
    return read_git(repository, {"show", commit + ":" + name});
  } catch (const RuntimeError&) {
    return nullptr;
  }
}

json json_file(const std::string& repository, const std::string& commit, const std::string& name) {
  const json text = file_of(repository, commit, name);
  if (!text.is_string()) return nullptr;
  json value = json::parse(text.get_ref<const std::string&>(), nullptr, /*allow_exceptions=*/false);
  return value.is_discarded() ? json() : value;
}

struct Version {
  std::size_t number = 0;
  std::string commit;
  std::string subject;
};

// Oldest first.
std::vector<Version> versions_of(const std::string& repository) {
  std::vector<Version> versions;
  for (const std::string& line : lines_of(read_git(repository, {"log", "main", "--reverse", "--format=%H %s"}))) {
    const std::size_t space = std::min(line.find(' '), line.size());
    versions.push_back({versions.size(), line.substr(0, space), line.substr(std::min(space + 1, line.size()))});
  }
  return versions;
}

json lineage(const std::string& repository, const json& arguments) {
  if (repository.empty()) throw InputError({}, "no lineage: start the server with --lineage DIR");
  const std::vector<Version> versions = versions_of(repository);
  if (arguments.contains("version")) {
    const auto number = arguments["version"].get<std::size_t>();
    if (number >= versions.size()) throw InputError({}, fmt::format("there are versions 0 to {}", versions.size() - 1));
    const Version& found = versions[number];
    return {{"version", number},
            {"commit", found.commit},
            {"subject", found.subject},
            {"score", json_file(repository, found.commit, "score.json")},
            {"candidate", json_file(repository, found.commit, "candidate.json")},
            {"program", file_of(repository, found.commit, "program.yaml")}};
  }
  const std::size_t limit = std::min(most_versions, arguments.value("limit", std::size_t{50}));
  json list = json::array();
  for (std::size_t i = versions.size() - std::min(limit, versions.size()); i < versions.size(); ++i) {
    const json score = json_file(repository, versions[i].commit, "score.json");
    list.push_back({{"version", i},
                    {"subject", versions[i].subject},
                    {"geomean", score.is_object() ? score.value("geomean", json()) : json()}});
  }
  return {{"versions", versions.size()}, {"latest", std::move(list)}};
}

json json_of(const YamlNode& node) {
  switch (node.kind()) {
    case YamlKind::missing:
    case YamlKind::null: return nullptr;
    case YamlKind::scalar: return node.text();
    case YamlKind::list: {
      json list = json::array();
      for (const YamlNode& item : node.items()) list.push_back(json_of(item));
      return list;
    }
    case YamlKind::map: break;
  }
  json map = json::object();
  for (const YamlEntry& entry : node.entries()) map[entry.key] = json_of(entry.value);
  return map;
}

bool contains(const YamlNode& node, std::string_view word) {
  const std::string text = json_of(node).dump(-1, ' ', false, json::error_handler_t::replace);
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  return !std::ranges::search(text, word, same).empty();
}

json knowledge(const json& arguments) {
  const std::string query = arguments.value("query", std::string());
  json rules = json::array();
  for (const std::string& name : list_data_files("search/knowledge", ".yaml")) {
    const YamlNode root = load_yaml_file(data_path(fmt::format("search/knowledge/{}.yaml", name)));
    for (const YamlNode& rule : root.find("rules").items()) {
      if (!query.empty() && !contains(rule, query)) continue;
      json entry = json_of(rule);
      entry["file"] = name;
      rules.push_back(std::move(entry));
    }
  }
  return {{"rules", std::move(rules)}};
}

// Written under a name of its own, whole, and only then given the name that readers look for.
std::string place_in(const std::string& outbox, const std::string& bytes) {
  const auto failed = [&](std::string_view what) {
    return RuntimeError(fmt::format("the outbox: {}: {}", what, std::strerror(errno)));
  };
  for (std::size_t i = 0; i < most_submissions; ++i) {
    const std::string name = fmt::format("submission-{:04}.json", i);
    const std::string path = (fs::path(outbox) / name).string();
    const std::string fresh = fmt::format("{}.{}.new", path, ::getpid());
    std::error_code ignored;
    if (fs::exists(fs::symlink_status(path, ignored))) continue;
    const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (file < 0) throw failed("cannot be written");
    const bool written =
        ::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) && ::fsync(file) == 0;
    ::close(file);
    // A link fails where the name is taken; a rename would put the new in the place of the old.
    const bool placed = written && ::link(fresh.c_str(), path.c_str()) == 0;
    const bool taken = written && !placed && errno == EEXIST;
    ::unlink(fresh.c_str());
    if (placed) return name;
    if (!taken) throw failed("cannot be written");
  }
  throw RuntimeError(fmt::format("the outbox is full: it holds {} submissions", most_submissions));
}

json submit(const McpFolders& folders, McpModels& models, const json& arguments) {
  if (folders.outbox.empty()) throw InputError({}, "no outbox: start the server with --outbox DIR");
  if (!arguments.contains("candidate") || !arguments["candidate"].is_object()) {
    throw InputError({}, "'candidate': expected an object");
  }
  const std::string note = arguments.value("note", std::string());
  if (note.size() > longest_note) throw InputError({}, fmt::format("'note': {} bytes are the most", longest_note));
  json submission{{"schema_version", 1}, {"candidate", arguments["candidate"]}, {"note", note}};
  // What it scores is said, whatever it is: who reads the outbox judges anew.
  submission["score"] = scored_by(models, arguments, arguments["candidate"]);
  const std::string bytes = submission.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
  if (bytes.size() > longest_submission) {
    throw InputError({}, fmt::format("a submission of {} bytes, {} are the most", bytes.size(), longest_submission));
  }
  return {{"submission", place_in(folders.outbox, bytes)}, {"score", submission["score"]}};
}

json text_property(std::string_view description) {
  return {{"type", "string"}, {"description", std::string(description)}};
}

}  // namespace

std::vector<McpTool> search_tools(const McpFolders& folders, const std::shared_ptr<McpModels>& models) {
  std::vector<McpTool> tools;
  tools.push_back({"lineage",
                   "The versions that a search has committed so far: the latest with their scores, or one whole.",
                   object_schema({{"limit", {{"type", "integer"}, {"minimum", 1}, {"maximum", most_versions}}},
                                  {"version", {{"type", "integer"}, {"minimum", 0}}}}),
                   false, [folders](const json& arguments) { return lineage(folders.lineage, arguments); }});
  tools.push_back({"knowledge", "What those who wrote the fast kernels found: symptom, edit, precondition, source.",
                   object_schema({{"query", text_property("a word that the rules must contain")}}), false,
                   [](const json& arguments) { return knowledge(arguments); }});
  tools.push_back(
      {"submit",
       "Hands a candidate to the search, which judges it anew. The only tool that writes: a file in the outbox.",
       object_schema({{"candidate", {{"type", "object"}}},
                      {"note", text_property("why it should be better")},
                      {"suite", text_property("the suite that it is scored on")},
                      {"configurations", {{"type", "array"}}},
                      {"machine", text_property("the machine that it is scored on")}},
                     {"candidate"}),
       true, [folders, models](const json& arguments) { return submit(folders, *models, arguments); }});
  return tools;
}

}  // namespace perfmodel

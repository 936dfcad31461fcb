#include "search/search_record.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/diagnostic.hpp"

namespace perfmodel {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::json;

std::string journal_path(const std::string& folder) {
  fs::create_directories(folder);
  return (fs::path(folder) / "journal.jsonl").string();
}

}  // namespace

SearchRecord::SearchRecord(const std::string& folder, const std::string& identity) {
  if (folder.empty()) return;
  journal_ = std::make_unique<Journal>(journal_path(folder));
  if (journal_->lines().empty()) {
    journal_->add(Json{{"run", identity}}.dump(), /*durable=*/true);
    return;
  }
  const Json first = Json::parse(journal_->lines().front(), nullptr, false);
  if (!first.is_object() || first.value("run", "") != identity) {
    throw InputError(file_location(journal_path(folder)),
                     "the folder holds another search: its file, suite, start, machine or model differs",
                     {{{}, "name another folder with --out, or remove this one"}});
  }
  for (std::size_t i = 1; i < journal_->lines().size(); ++i) read(journal_->lines()[i]);
  resumed_ = true;
}

void SearchRecord::read(const std::string& line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return;
  if (json.contains("score")) {
    scores_.emplace(json["score"].get<std::string>(), read_fitness(json["fitness"].dump()));
  } else if (json.contains("event")) {
    events_[json["event"].get<std::string>()].push_back(json["of"].dump());
    elapsed_ = json.value("elapsed", elapsed_);
  }
}

std::optional<Fitness> SearchRecord::score(const std::string& key) const {
  const auto found = scores_.find(key);
  return found == scores_.end() ? std::nullopt : std::optional(found->second);
}

void SearchRecord::add_score(const std::string& key, const Fitness& fitness) {
  if (journal_ == nullptr) return;
  journal_->add(fmt::format(R"({{"score":"{}","fitness":{}}})", key, fitness_json(fitness)), /*durable=*/false);
}

std::optional<std::string> SearchRecord::next(const std::string& kind) {
  std::deque<std::string>& waiting = events_[kind];
  if (waiting.empty()) return std::nullopt;
  std::string event = std::move(waiting.front());
  waiting.pop_front();
  return event;
}

void SearchRecord::add(const std::string& kind, const std::string& json, double elapsed) {
  if (journal_ == nullptr) return;
  journal_->add(fmt::format(R"({{"event":"{}","elapsed":{:.3f},"of":{}}})", kind, elapsed, json), /*durable=*/true);
}

}  // namespace perfmodel

#include "search/program_store.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "search/content.hpp"
#include "support/suggest.hpp"

namespace perfmodel {

namespace {

constexpr std::size_t most_moves = 64;
// Programs of strangers stay small, so that reading one takes bounded time.
constexpr YamlLimits limits{.max_size = std::size_t{256} << 10U, .max_depth = 32, .max_nodes = 20'000};

YamlNode tree_of(const std::string& program) {
  if (is_program_text(program)) return load_yaml_text(program, "program", limits);
  // A name, never a path: an oracle reads no files of its clients' choosing.
  const std::vector<std::string> known = pipeline_names();
  if (std::ranges::find(known, program) == known.end()) {
    Diagnostics faults;
    faults.error({}, fmt::format("unknown program '{}'", program)).suggest(program, known);
    throw InputError(std::move(faults));
  }
  return PipelineFile::load(program).root();
}

// The first fault in one line, with the nearest name where there is one.
std::string first_fault(const InputError& error) {
  if (error.diagnostics().all().empty()) return "unreadable";
  const Diagnostic& first = error.diagnostics().all().front();
  std::string text =
      first.location.line > 0 ? fmt::format("line {}: {}", first.location.line, first.message) : first.message;
  if (!first.notes.empty()) text += fmt::format(" ({})", first.notes.front().message);
  return text;
}

std::shared_ptr<const StoredProgram> read(const ProgramCandidate& candidate) {
  auto stored = std::make_shared<StoredProgram>();
  try {
    if (candidate.moves.size() > most_moves) {
      stored->refusal = fmt::format("{} moves, {} are the most", candidate.moves.size(), most_moves);
      return stored;
    }
    YamlNode tree = tree_of(candidate.program);
    for (const Move& move : candidate.moves) tree = apply(tree, move);
    stored->file = std::make_shared<const PipelineFile>(PipelineFile::from_tree(std::move(tree)));
    for (const YamlEntry& entry : stored->file->root().find("parameters").entries()) {
      stored->parameters.push_back(entry.key);
    }
  } catch (const InputError& error) {
    stored->refusal = first_fault(error);
  }
  return stored;
}

}  // namespace

std::shared_ptr<const StoredProgram> ProgramStore::get(const ProgramCandidate& candidate) {
  Content content;
  content.add(std::string_view(candidate.program));
  for (const Move& move : candidate.moves) add(content, move);
  const ContentKey key = content.key();
  {
    const std::lock_guard lock(mutex_);
    const auto found = at_.find(key);
    if (found != at_.end()) {
      used_.splice(used_.begin(), used_, found->second);
      return found->second->program;
    }
  }
  // Read outside of the lock; two threads that read the same program get the same.
  auto program = read(candidate);
  const std::lock_guard lock(mutex_);
  const auto found = at_.find(key);
  if (found != at_.end()) return found->second->program;
  used_.push_front({key, program});
  at_.emplace(key, used_.begin());
  if (used_.size() > most_) {
    at_.erase(used_.back().key);
    used_.pop_back();
  }
  return program;
}

}  // namespace perfmodel

#include "search/oracle_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "search/oracle_answer.hpp"
#include "search/oracle_request.hpp"

namespace perfmodel {

namespace {

constexpr std::size_t block_size = std::size_t{256} << 10U;
constexpr std::size_t chunk_size = std::size_t{64} << 10U;  // bytes of lines that a thread takes at a time
constexpr std::size_t chunks_ahead = 64;

// Whole lines with the definitions that they see, and what becomes of them.
struct Chunk {
  std::string lines;
  std::uint64_t first_line = 1;
  std::shared_ptr<const Definitions> definitions;
  std::string answers;
  std::uint64_t count = 0;
  std::uint64_t faults = 0;
  bool done = false;
};
using ChunkPtr = std::shared_ptr<Chunk>;

// Chunks on their way from the reader through the scoring threads to the writer, in order.
class Conveyor {
 public:
  // Waits while there are too many on the way. False once a thread has failed.
  bool push(ChunkPtr chunk) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return failure_ || ordered_.size() < chunks_ahead; });
    if (failure_) return false;
    ordered_.push_back(chunk);
    waiting_.push_back(std::move(chunk));
    work_.notify_one();
    return true;
  }

  // One that is answered already, such as a definition.
  bool push_done(ChunkPtr chunk) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return failure_ || ordered_.size() < chunks_ahead; });
    if (failure_) return false;
    chunk->done = true;
    ordered_.push_back(std::move(chunk));
    written_.notify_one();
    return true;
  }

  // The next to score; null at the end.
  ChunkPtr take() {
    std::unique_lock lock(mutex_);
    work_.wait(lock, [&] { return failure_ || ended_ || !waiting_.empty(); });
    if (failure_ || waiting_.empty()) return nullptr;
    ChunkPtr chunk = std::move(waiting_.front());
    waiting_.pop_front();
    return chunk;
  }

  void finish(const ChunkPtr& chunk) {
    const std::lock_guard lock(mutex_);
    chunk->done = true;
    written_.notify_one();
  }

  // The next to write, when it is answered; null at the end.
  ChunkPtr next_answered() {
    std::unique_lock lock(mutex_);
    written_.wait(lock, [&] {
      return failure_ || (!ordered_.empty() && ordered_.front()->done) || (ended_ && ordered_.empty());
    });
    if (failure_ || ordered_.empty()) return nullptr;
    ChunkPtr chunk = std::move(ordered_.front());
    ordered_.pop_front();
    room_.notify_one();
    return chunk;
  }

  void end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    work_.notify_all();
    written_.notify_all();
  }

  // The first failure counts.
  void fail(std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(failure);
    work_.notify_all();
    written_.notify_all();
    room_.notify_all();
  }

  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable work_, written_, room_;
  std::deque<ChunkPtr> waiting_;
  std::deque<ChunkPtr> ordered_;
  bool ended_ = false;
  std::exception_ptr failure_;
};

std::string_view without_return(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

template <class Take>
void for_each_line(std::string_view text, const Take& take) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    take(without_return(text.substr(0, end)));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

void score_chunk(Oracle& oracle, RequestReader& reader, Chunk& chunk) {
  chunk.answers.reserve(8 * chunk.lines.size());
  std::uint64_t line_number = chunk.first_line;
  for_each_line(chunk.lines, [&](std::string_view line) {
    const Request request = reader.read(line, *chunk.definitions);
    if (const auto* question = std::get_if<Question>(&request.what)) {
      append_answer(chunk.answers, request.id,
                    oracle.score(question->definition->suite, question->candidate, question->options));
    } else {
      const auto* fault = std::get_if<RequestFault>(&request.what);
      append_fault(chunk.answers, request.id, line_number,
                   fault != nullptr ? std::string_view(fault->message) : "a definition where none can be");
      ++chunk.faults;
    }
    ++line_number;
    ++chunk.count;
  });
  chunk.lines = {};
}

// Cuts the input into chunks. Definitions it reads itself, since what follows them refers to them.
class Splitter {
 public:
  Splitter(Conveyor& conveyor, const ReadSome& read) : conveyor_(conveyor), read_(read) {}

  void run() {
    std::string block(block_size, '\0');
    while (const std::size_t got = read_(block)) {
      if (!take(std::string_view(block).substr(0, got)) || !flush()) return;
    }
    if (skipping_) {
      if (!answer_long_line()) return;
    } else if (!rest_.empty() && !add_line(std::exchange(rest_, {}))) {
      return;
    }
    flush();
  }

 private:
  // Whole lines of what came; the last may go on in the next block.
  bool take(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      const std::string_view part = text.substr(0, end);
      if (end == std::string_view::npos) return keep(part);
      text.remove_prefix(end + 1);
      if (skipping_) {
        if (!answer_long_line()) return false;
      } else if (rest_.empty()) {
        if (!add_line(part)) return false;
      } else if (rest_.size() + part.size() > longest_line) {
        rest_ = {};
        if (!answer_long_line()) return false;
      } else {
        rest_ += part;
        if (!add_line(std::exchange(rest_, {}))) return false;
      }
    }
    return true;
  }

  bool keep(std::string_view part) {
    if (skipping_) return true;
    rest_ += part;
    if (rest_.size() <= longest_line) return true;
    rest_ = {};
    skipping_ = true;
    return true;
  }

  bool answer_long_line() {
    skipping_ = false;
    if (!flush()) return false;
    auto chunk = std::make_shared<Chunk>();
    append_fault(chunk->answers, {}, next_line_++, fmt::format("a line of more than {} bytes", longest_line));
    chunk->count = chunk->faults = 1;
    return conveyor_.push_done(std::move(chunk));
  }

  bool add_line(std::string_view line) {
    if (may_define(line)) {
      const Request request = reader_.read(without_return(line), *definitions_);
      if (const auto* definition = std::get_if<DefinitionPtr>(&request.what)) return define(request.id, *definition);
    }
    if (chunk_ == nullptr) {
      chunk_ = std::make_shared<Chunk>();
      chunk_->first_line = next_line_;
      chunk_->definitions = definitions_;
      chunk_->lines.reserve(chunk_size + 4096);
    }
    chunk_->lines += line;
    chunk_->lines += '\n';
    ++next_line_;
    return chunk_->lines.size() < chunk_size || flush();
  }

  bool define(const RequestId& id, const DefinitionPtr& definition) {
    if (!flush()) return false;
    auto more = std::make_shared<Definitions>(*definitions_);
    more->by_name[definition->name] = definition;
    more->latest = definition;
    definitions_ = std::move(more);
    auto chunk = std::make_shared<Chunk>();
    append_definition(chunk->answers, id, *definition);
    chunk->count = 1;
    ++next_line_;
    return conveyor_.push_done(std::move(chunk));
  }

  bool flush() { return chunk_ == nullptr || conveyor_.push(std::exchange(chunk_, nullptr)); }

  Conveyor& conveyor_;
  const ReadSome& read_;
  RequestReader reader_;
  std::shared_ptr<const Definitions> definitions_ = std::make_shared<Definitions>();
  ChunkPtr chunk_;
  std::string rest_;       // the start of a line
  bool skipping_ = false;  // a line that is too long
  std::uint64_t next_line_ = 1;
};

template <class Work>
std::jthread guarded(Conveyor& conveyor, Work work) {
  return std::jthread([&conveyor, work = std::move(work)] {
    try {
      work();
    } catch (...) {
      conveyor.fail(std::current_exception());
    }
  });
}

}  // namespace

StreamCounts answer_lines(Oracle& oracle, const ReadSome& read, const WriteAll& write, const StreamOptions& options) {
  Conveyor conveyor;
  StreamCounts counts;
  const unsigned threads = options.threads > 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
  {
    std::vector<std::jthread> running;
    for (unsigned i = 0; i < threads; ++i) {
      running.push_back(guarded(conveyor, [&] {
        RequestReader reader;
        while (const ChunkPtr chunk = conveyor.take()) {
          score_chunk(oracle, reader, *chunk);
          conveyor.finish(chunk);
        }
      }));
    }
    running.push_back(guarded(conveyor, [&] {
      while (const ChunkPtr chunk = conveyor.next_answered()) {
        write(chunk->answers);
        counts.lines += chunk->count;
        counts.faults += chunk->faults;
      }
    }));
    try {
      Splitter(conveyor, read).run();
    } catch (...) {
      conveyor.fail(std::current_exception());
    }
    conveyor.end();
  }
  conveyor.rethrow();
  return counts;
}

}  // namespace perfmodel

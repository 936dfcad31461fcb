// Scores kept by the content that they follow from, least recently used first out.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "search/content.hpp"
#include "search/score.hpp"

namespace perfmodel {

// Safe to use from several threads.
class ScoreCache {
 public:
  // Holds about that many bytes of scores; 0 keeps nothing.
  explicit ScoreCache(std::size_t most_bytes);

  // Null if it is not there.
  std::shared_ptr<const Score> find(const ContentKey& key);
  void insert(const ContentKey& key, std::shared_ptr<const Score> score);

  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Entry {
    ContentKey key;
    std::shared_ptr<const Score> score;
    std::size_t bytes = 0;
  };
  struct Hash {
    std::size_t operator()(const ContentKey& key) const { return key.low; }
  };
  struct Shard {
    mutable std::mutex mutex;
    std::list<Entry> used;  // the latest first
    std::unordered_map<ContentKey, std::list<Entry>::iterator, Hash> at;
    std::size_t bytes = 0;
  };
  static constexpr std::size_t shard_count = 16;

  Shard& shard(const ContentKey& key) { return shards_[key.high % shard_count]; }

  std::size_t most_bytes_;  // of a shard
  std::array<Shard, shard_count> shards_;
};

}  // namespace perfmodel

#include "search/score_cache.hpp"

#include <utility>

namespace perfmodel {

namespace {

constexpr std::size_t overhead = 160;  // list and map nodes, control block

std::size_t size_of(const Score& score) {
  return overhead + sizeof(Score) + score.configurations.capacity() * sizeof(ConfigurationScore) +
         score.refusal.capacity();
}

}  // namespace

ScoreCache::ScoreCache(std::size_t most_bytes) : most_bytes_(most_bytes / shard_count) {}

std::shared_ptr<const Score> ScoreCache::find(const ContentKey& key) {
  if (most_bytes_ == 0) return nullptr;
  Shard& in = shard(key);
  const std::lock_guard lock(in.mutex);
  const auto found = in.at.find(key);
  if (found == in.at.end()) return nullptr;
  in.used.splice(in.used.begin(), in.used, found->second);
  return found->second->score;
}

void ScoreCache::insert(const ContentKey& key, std::shared_ptr<const Score> score) {
  const std::size_t bytes = size_of(*score);
  if (bytes > most_bytes_) return;
  Shard& in = shard(key);
  const std::lock_guard lock(in.mutex);
  if (in.at.contains(key)) return;
  in.used.push_front({key, std::move(score), bytes});
  in.at.emplace(key, in.used.begin());
  in.bytes += bytes;
  while (in.bytes > most_bytes_) {
    const Entry& last = in.used.back();
    in.bytes -= last.bytes;
    in.at.erase(last.key);
    in.used.pop_back();
  }
}

std::size_t ScoreCache::bytes() const {
  std::size_t sum = 0;
  for (const Shard& each : shards_) {
    const std::lock_guard lock(each.mutex);
    sum += each.bytes;
  }
  return sum;
}

}  // namespace perfmodel

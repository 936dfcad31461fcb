#include "search/supervisor.hpp"

#include <fmt/format.h>

namespace perfmodel {

void Supervisor::judged(bool repeated, bool refused, bool committed, bool gained) {
  repeats_ = repeated ? repeats_ + 1 : 0;
  if (repeated) return;
  ++since_gain_;
  refused_ = refused ? refused_ + 1 : 0;
  if (!committed) return;
  neutral_ = gained ? 0 : neutral_ + 1;
  if (gained) since_gain_ = redirections_ = 0;
}

std::string Supervisor::trouble() const {
  if (!reason_.empty()) return reason_;
  if (since_gain_ >= settings_.stall) return fmt::format("{} evaluations without gain", since_gain_);
  if (refused_ >= settings_.failures) return fmt::format("{} refused designs in a row", refused_);
  if (repeats_ >= settings_.repeats) return fmt::format("{} designs in a row that were met before", repeats_);
  return {};
}

Redirection Supervisor::redirect() {
  std::string found = trouble();
  if (found.empty()) return Redirection::none;
  told_ = std::move(found);
  reason_.clear();
  since_gain_ = refused_ = repeats_ = 0;
  if (++redirections_ > settings_.most_redirections) return Redirection::give_up;
  // Widen, rotate, retreat, and again; with one operator there is nothing to rotate to.
  switch (redirections_ % 3) {
    case 1: return Redirection::widen;
    case 2: return operators_ > 1 ? Redirection::rotate : Redirection::retreat;
    default: return Redirection::retreat;
  }
}

}  // namespace perfmodel

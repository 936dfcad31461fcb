#include "cli/calibrate_view.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>

#include "cli/interrupt.hpp"

namespace perfmodel {
namespace {

constexpr std::size_t line_width = 79;
constexpr double minute = 60;

std::string about(Seconds time) {
  if (time.si() < minute) return fmt::format("about {:.0f} s left", time.si());
  return fmt::format("about {:.0f} min left", std::ceil(time.si() / minute));
}

}  // namespace

void CalibrateView::status(std::string_view what) {
  if (!terminal_) return;
  std::string text = what.empty() ? head_ : fmt::format("{}: {}", head_, what);
  if (text.size() > line_width) text.resize(line_width);
  fmt::print(stderr, "\r\x1b[K{}", text);
  std::fflush(stderr);
}

void CalibrateView::line(const std::string& text) {
  fmt::print(stderr, "{}{}\n", terminal_ ? "\r\x1b[K" : "", text);
  std::fflush(stderr);
}

void CalibrateView::step(std::string_view name, std::size_t index, std::size_t count, Seconds left) {
  head_ = fmt::format("[{}/{}] {}, {}", index + 1, count, name, about(left));
  if (terminal_) {
    status("");
  } else {
    line(head_);
  }
}

void CalibrateView::progress(std::string_view what) { status(what); }

void CalibrateView::done(std::string_view name, Seconds took, std::size_t results) {
  line(fmt::format("{}: {} results in {:.1f} s", name, results, took.si()));
}

void CalibrateView::skipped(std::string_view name, std::string_view reason) {
  line(fmt::format("{}: skipped, {}", name, reason));
}

void CalibrateView::failed(std::string_view name, std::string_view reason) {
  line(fmt::format("{}: failed: {}", name, reason));
}

void CalibrateView::check_interrupt() { InterruptGuard::check(); }

}  // namespace perfmodel

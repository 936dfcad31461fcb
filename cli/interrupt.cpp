#include "cli/interrupt.hpp"

#include <unistd.h>

#include <csignal>

#include "cli/context.hpp"

namespace perfmodel {
namespace {

// Shared with the signal handler.
volatile std::sig_atomic_t guarded = 0;
volatile std::sig_atomic_t interrupted = 0;

void on_interrupt(int /*signal*/) {
  if (guarded == 0 || interrupted != 0) ::_exit(exit_interrupted);
  interrupted = 1;
}

}  // namespace

void install_interrupt_handler() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
}

InterruptGuard::InterruptGuard() { guarded = 1; }

InterruptGuard::~InterruptGuard() { guarded = 0; }

void InterruptGuard::check() {
  if (interrupted != 0) throw Interrupted{};
}

}  // namespace perfmodel

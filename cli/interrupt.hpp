// Ctrl-C: exit code 130, and nothing half-written. Outside of a guarded stretch the program ends at once; inside, the
// work ends at its next check, so that temporary files are cleaned up. A second Ctrl-C always ends it.
#pragma once

namespace perfmodel {

struct Interrupted {};

void install_interrupt_handler();

// From construction to destruction interrupts wait for check().
class InterruptGuard {
 public:
  InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  ~InterruptGuard();

  // Throws Interrupted after an interrupt. Cheap enough for every row.
  static void check();
};

}  // namespace perfmodel

#include "model/taking_turns.hpp"

namespace perfmodel {

Cycles round_beside(const Round& round, int ctas, double lost) {
  double tensor_queue = 0;
  double port_queue = 0;
  Cycles time = round.tensor + round.port + round.elsewhere;
  for (int n = 1; n <= ctas; ++n) {
    const double others = (n - 1.0) / n;
    const Cycles tensor = (1.0 + tensor_queue) * round.tensor;
    const Cycles port = (1.0 + port_queue) * (round.port + lost * others * round.tensor);
    time = tensor + port + round.elsewhere;
    if (time.si() <= 0) return time;
    tensor_queue = n * (tensor / time);
    port_queue = n * (port / time);
  }
  return time;
}

}  // namespace perfmodel

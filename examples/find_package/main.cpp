// Reads a bandwidth with its unit and says how long a copy of 1 GiB takes at that speed.
#include <iostream>

#include "support/format.hpp"
#include "support/units.hpp"

int main() {
  using namespace perfmodel;
  const ParsedQuantity text = parse_quantity("3.35 TB/s", BytesPerSecond::dimension);
  const BytesPerSecond bandwidth(text.si);
  const Bytes moved(2.0 * 0x1p30);
  std::cout << "at " << format_rate(bandwidth) << " copying 1 GiB takes " << format_time(moved / bandwidth) << "\n";
  return 0;
}

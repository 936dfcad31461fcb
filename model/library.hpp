// What the model knows of the code that runs, as data from workloads/: the tile menus of the GEMM libraries and the
// instruction sequences. Load it once (load_library) and hand it to every prediction.
#pragma once

#include "workloads/library_menu.hpp"
#include "workloads/sequences.hpp"

namespace perfmodel {

struct Library {
  LibraryMenu cublas_hopper;
  LibraryMenu cublas_blackwell;
  MaskSequences mask;
};

}  // namespace perfmodel

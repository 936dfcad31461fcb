// The one check of CUPTI return codes.
#pragma once

#include <cupti.h>

#include "calibrate/device/cuda.hpp"

namespace perfmodel {

// Throws DeviceError, with CUPTI's name for the error and the remedy where one is known, unless the call succeeded.
void check_cupti(CUptiResult status, const char* call);
#define PERFMODEL_CUPTI(call) ::perfmodel::check_cupti((call), #call)

// Interface version of the loaded library: 130001 is the first of CUDA 13.0.
unsigned cupti_version();

}  // namespace perfmodel

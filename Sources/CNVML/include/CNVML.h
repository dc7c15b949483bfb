#include "nvml_types.h"
#include "kernel_calls.h"

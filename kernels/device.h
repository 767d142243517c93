// Is there a GPU?
#pragma once

#include <string>

namespace penumbra {

// False where there is no usable CUDA device; then *why says what is missing.
bool cuda_device_available(std::string* why = nullptr);

}  // namespace penumbra

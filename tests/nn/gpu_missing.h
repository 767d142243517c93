#pragma once

#include <string>

#include "base/error.h"
#include "nn/device.h"

namespace penumbra {

// Why there is no GPU; empty where there is one.
inline std::string gpu_missing() {
  try {
    resolve_device("cuda");
    return "";
  } catch (const UserError& error) {
    return error.what();
  }
}

}  // namespace penumbra

// A network layer by layer. No torch here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/config.h"
#include "nn/layout.h"

namespace penumbra {

struct LayerRow {
  std::string layer;
  std::vector<std::int64_t> output;  // shape for one system
  std::int64_t weights = 0;
};

// Of the network that the preset names, built for these inputs.
std::vector<LayerRow> network_table(const Preset& preset, const DataLayout& layout);

}  // namespace penumbra

// What goes into a network and what comes out: the arrays of one system, by name. No torch here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace penumbra {

struct InputArray {
  std::string name;
  std::vector<std::int64_t> shape;  // of one system
  std::size_t size() const {
    std::size_t product = 1;
    for (const std::int64_t extent : shape) product *= static_cast<std::size_t>(extent);
    return product;
  }
  bool operator==(const InputArray&) const = default;
};

struct DataLayout {
  std::vector<InputArray> inputs;
  std::vector<std::string> parameters;  // what the D dimensions of the flow are
  std::size_t dimensions() const { return parameters.size(); }
  bool operator==(const DataLayout&) const = default;
};

// Row-major memory of consecutive systems: inputs and targets.
struct SystemRows {
  const DataLayout* layout;
  std::vector<float*> inputs;  // [rows][size] each, in the layout's order
  float* targets;              // [rows][D]

  float* input(std::size_t array, int row) const {
    return inputs[array] + static_cast<std::size_t>(row) * layout->inputs[array].size();
  }
  float* target(int row) const { return targets + static_cast<std::size_t>(row) * layout->dimensions(); }
  SystemRows from(int row) const {  // the rows row, row + 1, ...
    SystemRows rest{layout, {}, target(row)};
    for (std::size_t a = 0; a < inputs.size(); ++a) rest.inputs.push_back(input(a, row));
    return rest;
  }
};

// B systems to be read: inputs [B][size] each, and targets [B][D] where they are asked for (else nullptr).
struct SystemView {
  const DataLayout* layout;
  int size;
  std::vector<const float*> inputs;
  const float* targets;
};

}  // namespace penumbra

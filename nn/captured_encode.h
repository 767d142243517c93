// The context of one system, fast on a GPU: the network's work is recorded once and replayed (nn/cuda/device_graph.h).
// Includes ATen: for nn/*.cpp and their tests only.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "nn/cuda/device_graph.h"
#include "nn/layout.h"
#include "nn/network.h"

namespace penumbra {

class CapturedEncode {
 public:
  // The network outlives this; later changes of its weights are seen.
  CapturedEncode(const Network& network, const DataLayout& layout);
  ~CapturedEncode();

  // [1][context] of one system's inputs, wherever they are; holds until the next call. On a CPU, and where recording is
  // not possible, the network's own.
  at::Tensor operator()(const Inputs& inputs);
  bool captured() const { return graph_ != nullptr; }

 private:
  void record();

  const Network& network_;
  Inputs inputs_;
  at::Tensor context_;
  std::unique_ptr<DeviceGraph> graph_;
  bool asked_ = false;
};

}  // namespace penumbra

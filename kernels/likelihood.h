// ln p(x | theta) of many systems at once on a GPU: the forward model and sim/likelihood.h, with only parameters going
// in and one number a system coming out.
#pragma once

#include <memory>
#include <span>

#include "sim/likelihood.h"
#include "sim/parameters.h"
#include "sim/simulator_view.h"

namespace penumbra {

// Copies of the forward model's tables and of the data in the device's memory, and memory for the batch, which grows to
// the largest so far.
class DeviceLikelihood {
 public:
  // What `simulator` views may go afterwards. Throws EnvironmentError where there is no device or it fails.
  DeviceLikelihood(const SimulatorView& simulator, const Observed& data);
  ~DeviceLikelihood();
  DeviceLikelihood(const DeviceLikelihood&) = delete;
  DeviceLikelihood& operator=(const DeviceLikelihood&) = delete;

  // out[i] is log_likelihood of theta[i] within 1e-6 (of the larger of 1 and the value); -inf where the forward model
  // has no answer. Throws std::invalid_argument where sizes disagree, EnvironmentError where the device fails.
  void evaluate(std::span<const Theta> theta, std::span<double> out);

 private:
  struct Memory;
  std::unique_ptr<Memory> memory_;
};

}  // namespace penumbra

// Spectra of many stars at once on a GPU: what Emulator::evaluate gives (spectra/emulator.h), in one kernel, so that
// nothing but labels and finished spectra passes through the device's memory.
#pragma once

#include <memory>
#include <span>

#include "spectra/emulator.h"

namespace penumbra {

// An emulator in the memory of a GPU. The constructor throws EnvironmentError where there is no device,
// std::invalid_argument where the emulator's hidden layers do not fit in its shared memory.
class DeviceEmulator {
 public:
  explicit DeviceEmulator(const Emulator& emulator);
  DeviceEmulator(DeviceEmulator&&) noexcept;
  DeviceEmulator& operator=(DeviceEmulator&&) noexcept;
  ~DeviceEmulator();

  // flux[B][kPixelCount] for labels[B], NaN where they cannot be computed. std::invalid_argument where sizes disagree,
  // EnvironmentError where the device fails. `flux` may lie on the device.
  void evaluate(std::span<const Labels> labels, std::span<float> flux) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penumbra

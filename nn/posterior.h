// The trained posterior q(z | x): samples and densities for observed systems. No torch here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "nn/checkpoint.h"
#include "nn/features.h"
#include "nn/layout.h"
#include "nn/targets.h"

namespace penumbra {

class NeuralPosterior {
 public:
  // device: auto | cpu | cuda. Throws UserError as read_checkpoint and resolve_device do.
  static NeuralPosterior load(const std::filesystem::path& checkpoint, const std::string& device = "auto");
  NeuralPosterior(NeuralPosterior&&) noexcept;
  NeuralPosterior& operator=(NeuralPosterior&&) noexcept;
  ~NeuralPosterior();

  // S samples of each of the B systems: z[B][S][D] and log_q[B][S] = ln q(z | x), density in z. Sample s of system b
  // is a function of (seed, first_index + b, s) and of its features, not of B or S. For binaries z is as targets()
  // says.
  //
  // Where the checkpoint has width scales (nn/width_factor.h), z_d = c_d + f_d (y_d - c_d) of the flow's y: centre and
  // factor depend on the features alone, so q is the density of z without approximation.
  void sample(const SystemView& batch, int samples, std::uint64_t seed, std::uint64_t first_index,
              std::vector<float>& z, std::vector<float>& log_q) const;

  // ln q(z | x) of batch.targets[B][D].
  std::vector<float> log_prob(const SystemView& batch) const;

  const CheckpointInfo& info() const;
  const std::string& kind() const;  // "binary", "spectrum", ...: nn/config.h
  // Of a network for binaries; UserError for another kind.
  FeatureLayout layout() const;
  const Targets& targets() const;
  // What the network was trained without: leave it out of what it is given (sim/observation.h).
  const std::vector<Modality>& dropped() const;
  std::int64_t weight_count() const;
  std::string device() const;  // "cpu" or "cuda"

 private:
  struct Impl;
  explicit NeuralPosterior(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace penumbra

// The named tensors of a network. Includes ATen: for nn/*.cpp and their tests only.
//
// All trained tensors are views into one flat vector, and their gradients into another, so that the optimiser, the
// moving average, the gradient's norm and a checkpoint are each an operation on one vector.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nn/checkpoint.h"

namespace penumbra {

class Weights {
 public:
  struct Named {
    std::string name;
    at::Tensor tensor;
  };

  // Without a seed the random tensors are zero: for weights that are loaded.
  explicit Weights(std::optional<std::uint64_t> seed) : seed_(seed) {}

  // New trained tensors. The random ones depend on the seed and on the order of creation only.
  at::Tensor zeros(const std::string& name, at::IntArrayRef shape);
  at::Tensor constant(const std::string& name, const at::Tensor& values);
  // N(0, deviation^2)
  at::Tensor normal(const std::string& name, at::IntArrayRef shape, double deviation);
  // gain x a [rows][columns] matrix with orthonormal rows or columns (Saxe et al. 2014)
  at::Tensor orthogonal(const std::string& name, std::int64_t rows, std::int64_t columns, double gain);

  // Once all tensors exist: moves them into the flat vectors on `device`.
  void pack(const at::Device& device);

  // From here on only the tensors of these names are trained, or whose names go on with a dot after one of them; the
  // gradient of the others stays zero. UserError, naming `source`, where one stands for none.
  void train_only(const std::vector<std::string>& names, const std::string& source);

  const std::vector<Named>& tensors() const { return tensors_; }
  at::Tensor& values() { return values_; }      // [count], no autograd
  at::Tensor& gradient() { return gradient_; }  // [count]; backward() adds to it
  std::int64_t count() const;
  at::Device device() const { return values_.device(); }

  // Named slices of a flat vector such as values(), and back. load throws UserError, naming `source`, where names or
  // shapes are not those of this network. Where `stored` has none of the tensors whose names begin with may_lack and a
  // dot, these stay as they are.
  std::vector<StoredTensor> store(const at::Tensor& flat) const;
  void load(const std::vector<StoredTensor>& stored, const std::string& source, const std::string& may_lack = "");

 private:
  at::Tensor standard_normal(at::IntArrayRef shape);

  std::optional<std::uint64_t> seed_;
  std::vector<Named> tensors_;
  at::Tensor values_, gradient_;
};

}  // namespace penumbra

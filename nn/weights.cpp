#include "nn/weights.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/random.h"

namespace penumbra {

at::Tensor Weights::constant(const std::string& name, const at::Tensor& values) {
  tensors_.push_back({name, values.clone().set_requires_grad(true)});
  return tensors_.back().tensor;
}

at::Tensor Weights::zeros(const std::string& name, at::IntArrayRef shape) { return constant(name, at::zeros(shape)); }

at::Tensor Weights::normal(const std::string& name, at::IntArrayRef shape, double deviation) {
  return constant(name, standard_normal(shape) * deviation);
}

at::Tensor Weights::orthogonal(const std::string& name, std::int64_t rows, std::int64_t columns, double gain) {
  if (!seed_) return zeros(name, {rows, columns});
  const bool wide = rows < columns;
  const at::Tensor gaussian = wide ? standard_normal({columns, rows}) : standard_normal({rows, columns});
  const auto [q, r] = at::linalg_qr(gaussian.to(at::kDouble));
  // The signs of R's diagonal make the distribution uniform over orthogonal matrices (Mezzadri 2007).
  const at::Tensor uniform = (q * r.diagonal().sign()).to(at::kFloat) * gain;
  return constant(name, wide ? uniform.t().contiguous() : uniform);
}

at::Tensor Weights::standard_normal(at::IntArrayRef shape) {
  at::Tensor values = at::zeros(shape);
  if (!seed_) return values;
  RandomStream random(*seed_, tensors_.size(), Stage::kInitialWeights);
  float* out = values.data_ptr<float>();
  for (std::int64_t i = 0; i < values.numel(); ++i) out[i] = static_cast<float>(random.normal());
  return values;
}

void Weights::pack(const at::Device& device) {
  const at::NoGradGuard no_grad;
  values_ = at::empty({count()}, at::TensorOptions(device));
  gradient_ = at::zeros_like(values_);
  std::int64_t start = 0;
  for (Named& named : tensors_) {
    const at::Tensor slice = values_.narrow(0, start, named.tensor.numel()).view(named.tensor.sizes());
    slice.copy_(named.tensor);
    named.tensor.set_data(slice);
    named.tensor.mutable_grad() = gradient_.narrow(0, start, named.tensor.numel()).view(named.tensor.sizes());
    start += named.tensor.numel();
  }
}

void Weights::train_only(const std::vector<std::string>& names, const std::string& source) {
  for (const Named& named : tensors_) named.tensor.set_requires_grad(false);
  for (const std::string& name : names) {
    bool found = false;
    for (const Named& named : tensors_) {
      if (named.name != name && !named.name.starts_with(name + ".")) continue;
      named.tensor.set_requires_grad(true);
      found = true;
    }
    if (found) continue;
    throw UserError(fmt::format("{}: no weights named \"{}\"; expected names such as \"{}\" or \"{}\"", source, name,
                                tensors_.front().name, tensors_.back().name));
  }
}

std::int64_t Weights::count() const {
  std::int64_t total = 0;
  for (const Named& named : tensors_) total += named.tensor.numel();
  return total;
}

std::vector<StoredTensor> Weights::store(const at::Tensor& flat) const {
  const at::Tensor host = flat.to(at::kCPU);
  const float* next = host.data_ptr<float>();
  std::vector<StoredTensor> stored;
  for (const Named& named : tensors_) {
    const at::IntArrayRef sizes = named.tensor.sizes();
    stored.push_back({named.name, Shape(sizes.begin(), sizes.end()), {next, next + named.tensor.numel()}});
    next += named.tensor.numel();
  }
  return stored;
}

void Weights::load(const std::vector<StoredTensor>& stored, const std::string& source, const std::string& may_lack) {
  std::map<std::string, const StoredTensor*> by_name;
  for (const StoredTensor& tensor : stored) by_name[tensor.name] = &tensor;
  const auto lacked = [&](const std::string& name) { return !may_lack.empty() && name.starts_with(may_lack + "."); };
  const bool lacks = std::ranges::none_of(stored, lacked, &StoredTensor::name);
  std::size_t expected = tensors_.size();
  if (lacks) expected -= static_cast<std::size_t>(std::ranges::count_if(tensors_, lacked, &Named::name));
  if (by_name.size() != expected) {
    throw UserError(
        fmt::format("{}: {} weight tensors; its preset's network has {}", source, by_name.size(), expected));
  }
  at::Tensor all = values_.to(at::kCPU, at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  float* next = all.data_ptr<float>();
  for (const Named& named : tensors_) {
    float* const to = next;
    next += named.tensor.numel();
    if (lacks && lacked(named.name)) continue;
    const auto found = by_name.find(named.name);
    if (found == by_name.end()) throw UserError(fmt::format("{}: no weights named {}", source, named.name));
    const at::IntArrayRef sizes = named.tensor.sizes();
    if (found->second->shape != Shape(sizes.begin(), sizes.end())) {
      throw UserError(fmt::format("{}: weights {} have shape ({}); expected ({})", source, named.name,
                                  fmt::join(found->second->shape, ", "), fmt::join(sizes, ", ")));
    }
    std::ranges::copy(found->second->values, to);
  }
  values_.copy_(all);
}

}  // namespace penumbra

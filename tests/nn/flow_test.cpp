#include "nn/flow.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/nn/one_thread.h"
#include "tests/nn/random_flow.h"

namespace penumbra {
namespace {

TEST(Made, OutputDependsOnEarlierInputsOnly) {
  constexpr int kInputs = 7, kOutputs = 3;  // 20 units: degrees of unequal size
  Weights weights{std::uint64_t{5}};
  const Made made("made", kInputs, 4, 20, kOutputs, /*context_to_outputs=*/true, weights);
  weights.pack(at::kCPU);
  weights.values().add_(random_tensor({weights.count()}, 2), 0.3);
  at::Tensor x = random_tensor({5, kInputs}, 3).set_requires_grad(true);
  const at::Tensor y = made.forward(x, made.context_terms(random_tensor({5, 4}, 4)));
  for (int d = 0; d < kInputs; ++d) {
    for (int o = 0; o < kOutputs; ++o) {
      x.mutable_grad().reset();
      y.select(1, d).select(1, o).sum().backward({}, /*retain_graph=*/true);
      const at::Tensor slope = x.grad().defined() ? x.grad().abs().sum(0) : at::zeros({kInputs});
      for (int i = 0; i < kInputs; ++i) {
        if (i < d) {
          EXPECT_GT(slope[i].item<float>(), 0.0f) << "output " << d << ", input " << i;
        } else {
          EXPECT_EQ(slope[i].item<float>(), 0.0f) << "output " << d << ", input " << i;
        }
      }
    }
  }
}

TEST(Flow, DensityIntegratesToOneInTwoDimensions) {
  const at::NoGradGuard no_grad;
  const RandomFlow f(flow_config(4, 24, 3), 2, 3, 0.2);
  constexpr int kCells = 700;
  constexpr double kHalfWidth = 20.0, kStep = 2.0 * kHalfWidth / kCells;
  const at::Tensor axis = (at::arange(kCells, at::kFloat) + 0.5) * kStep - kHalfWidth;
  const auto grid = at::meshgrid({axis, axis}, "ij");
  const at::Tensor z = at::stack({grid[0].flatten(), grid[1].flatten()}, 1);
  for (std::uint64_t draw = 10; draw < 12; ++draw) {
    const at::Tensor context = random_tensor({1, 3}, draw).expand({z.size(0), 3});
    const double integral = f.flow.log_prob(z, context).to(at::kDouble).exp().sum().item<double>() * kStep * kStep;
    EXPECT_NEAR(integral, 1.0, 2e-3) << "context " << draw;
  }
}

TEST(Flow, GradientMatchesFiniteDifferences) {
  RandomFlow f(flow_config(3, 16, 2), 5, 3, 0.2);
  const at::Tensor z = random_tensor({4, 5}, 40), context = random_tensor({4, 3}, 41);
  f.flow.log_prob(z, context).sum().backward();
  const at::NoGradGuard no_grad;
  const at::Tensor direction = random_tensor({f.weights.count()}, 42);
  const double analytic = f.weights.gradient().to(at::kDouble).dot(direction.to(at::kDouble)).item<double>();
  constexpr double kStep = 1e-3;
  const auto value = [&] { return f.flow.log_prob(z, context).sum(at::kDouble).item<double>(); };
  f.weights.values().add_(direction, kStep);
  const double above = value();
  f.weights.values().add_(direction, -2.0 * kStep);
  const double numeric = (above - value()) / (2.0 * kStep);
  EXPECT_NEAR(analytic, numeric, 0.02 * std::fabs(numeric) + 0.02);
}

}  // namespace
}  // namespace penumbra

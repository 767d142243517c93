#include "nn/flow_pack.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <vector>

#include "kernels/flow_step.h"
#include "nn/checkpoint.h"
#include "nn/features.h"
#include "nn/network.h"
#include "tests/nn/one_thread.h"
#include "tests/nn/random_flow.h"

namespace penumbra {
namespace {

constexpr std::uint64_t kSeed = 21, kFirst = 1000;

struct Drawn {
  at::Tensor z, log_q;  // [B][S][D], [B][S]
};

Drawn draw(const Flow& flow, const at::Tensor& context, int samples) {
  const std::int64_t systems = context.size(0), dimensions = flow.permutations()[0].size(0);
  Drawn drawn{at::empty({systems, samples, dimensions}), at::empty({systems, samples})};
  const auto span = [](const at::Tensor& t) {
    return std::span<float>(t.data_ptr<float>(), static_cast<std::size_t>(t.numel()));
  };
  FlowSampler(flow).sample(context, samples, kSeed, kFirst, {span(drawn.z), span(drawn.log_q)});
  return drawn;
}

// The definition: for each dimension a pass through the whole network. From the same noise.
Drawn naive_inverse(const Flow& flow, const at::Tensor& context, std::int64_t samples) {
  const std::int64_t systems = context.size(0), dimensions = flow.permutations()[0].size(0);
  at::Tensor normal = at::empty({systems * samples, dimensions}), uniform = at::empty_like(normal);
  for (std::int64_t row = 0; row < systems * samples; ++row) {
    for (std::int64_t d = 0; d < dimensions; ++d) {
      const FlowNoise<float> noise(kSeed, kFirst + static_cast<std::uint64_t>(row / samples),
                                   static_cast<std::uint32_t>(row % samples), static_cast<std::uint32_t>(d / 2));
      normal.data_ptr<float>()[row * dimensions + d] = noise.normal[d % 2];
      uniform.data_ptr<float>()[row * dimensions + d] = noise.uniform[d % 2];
    }
  }
  const double limit = flow.config().log_scale_limit;
  const auto limited = [&](const at::Tensor& t) { return at::tanh(t / limit) * limit; };
  at::Tensor log_q = at::zeros({systems * samples}), y;
  for (std::size_t b = flow.mades().size(); b-- > 0;) {
    const Made& made = flow.mades()[b];
    Made::ContextTerms terms = made.context_terms(context);
    terms = {terms.hidden.repeat_interleave(samples, 0),
             terms.output.expand({systems, -1}).repeat_interleave(samples, 0)};
    at::Tensor x = at::zeros({systems * samples, dimensions});
    for (std::int64_t d = 0; d < dimensions; ++d) {
      const at::Tensor output = made.forward(x, terms).select(1, d);
      if (b + 1 < flow.mades().size()) {
        const at::Tensor log_scale = limited(output.select(1, 1));
        log_q -= log_scale;
        x.select(1, d).copy_(output.select(1, 0) + y.select(1, d) * at::exp(log_scale));
        continue;
      }
      const auto parts = output.chunk(3, 1);
      const at::Tensor weight = at::softmax(parts[0], 1), deviation = at::exp(limited(parts[2]));
      const at::Tensor beyond = uniform.select(1, d).unsqueeze(1) > at::cumsum(weight, 1);
      const at::Tensor chosen = beyond.sum(1, true).clamp_max(weight.size(1) - 1);
      const at::Tensor value =
          parts[1].gather(1, chosen).squeeze(1) + deviation.gather(1, chosen).squeeze(1) * normal.select(1, d);
      const at::Tensor u = (value.unsqueeze(1) - parts[1]) / deviation;
      log_q += at::log((weight / deviation * at::exp(-0.5 * u * u)).sum(1)) - 0.5 * std::log(2.0 * M_PI);
      x.select(1, d).copy_(value);
    }
    y = at::empty_like(x);
    y.index_copy_(1, flow.permutations()[b], x);
  }
  return {y.view({systems, samples, dimensions}), log_q.view({systems, samples})};
}

// Samples within 1e-4 of the naive inverse, ln q within 1e-3. Rounding may choose another component where a uniform
// number meets the border between two: of a hundred thousand samples, a few.
void expect_naive_inverse(const Flow& flow, const at::Tensor& context, int samples) {
  const Drawn drawn = draw(flow, context, samples), expected = naive_inverse(flow, context, samples);
  const at::Tensor error = ((drawn.z - expected.z).abs() / expected.z.abs().clamp_min(1.0)).amax(2);
  const at::Tensor wrong = (error > 1e-4).logical_or((drawn.log_q - expected.log_q).abs() > 1e-3);
  EXPECT_LE(wrong.sum().item<std::int64_t>(), wrong.numel() / 10000)
      << "largest errors " << error.max().item<float>() << " and "
      << (drawn.log_q - expected.log_q).abs().max().item<float>();
  EXPECT_TRUE(drawn.z.isfinite().all().item<bool>());
}

TEST(FlowPack, RandomFlowsAreInvertedAsTheNaiveWay) {
  const at::NoGradGuard no_grad;
  const RandomFlow paper(flow_config(16, 128, 4), 16, 24, 0.02), ragged(flow_config(3, 40, 3), 7, 5, 0.1);
  expect_naive_inverse(paper.flow, random_tensor({3, 24}, 30), 31);
  for (const int systems : {1, 7, 33, 1000}) {
    for (const int samples : {1, 31}) expect_naive_inverse(ragged.flow, random_tensor({systems, 5}, 31), samples);
  }
  expect_naive_inverse(ragged.flow, random_tensor({1, 5}, 32), 10000);
}

// Preset `paper`: the context enters the first hidden layer alone.
TEST(FlowPack, ThePapersFlow) {
  const at::NoGradGuard no_grad;
  FlowConfig config = flow_config(16, 128, 4);
  config.log_scale_limit = 1.0;
  config.context_to_outputs = false;
  const RandomFlow paper(config, 16, 592, 0.02);
  expect_naive_inverse(paper.flow, random_tensor({2, 592}, 35), 31);
}

// The samples' ln q is the density that the network gives them, to 1e-3 and what the rounding of their numbers changes
// in it, once a block: a narrow posterior is steep.
void expect_density(const Flow& flow, const at::Tensor& context, int samples) {
  const Drawn drawn = draw(flow, context, samples);
  const at::Tensor z = drawn.z.flatten(0, 1), log_q = drawn.log_q.flatten();
  at::Tensor density, slope;
  {
    const at::AutoGradMode differentiate(true);
    const at::Tensor at_sample = z.detach().requires_grad_(true);
    density = flow.log_prob(at_sample, context.repeat_interleave(samples, 0));
    density.sum().backward();
    slope = at_sample.grad();
  }
  const double rounding = std::ldexp(1.0, -24) * static_cast<double>(flow.mades().size());
  const at::Tensor allowed = (slope.abs() * z.abs().clamp_min(1.0)).sum(1) * rounding + 1e-3;
  EXPECT_LT(((density - log_q).abs() / allowed).max().item<float>(), 1.0f);
  EXPECT_LT(allowed.median().item<float>(), 2e-3f);  // for most samples rounding is nothing
  // Samples differ from each other, and between systems.
  EXPECT_GT(drawn.z.select(1, 0).sub(drawn.z.select(1, 1)).abs().min().item<float>(), 0.0f);
  EXPECT_GT(drawn.log_q.std().item<float>(), 0.5f);
}

TEST(FlowPack, LogQIsTheDensityOfTheSample) {
  const at::NoGradGuard no_grad;
  const RandomFlow f(flow_config(8, 128, 8), 16, 32, 0.02);
  expect_density(f.flow, random_tensor({3, 32}, 33), 50);
}

// Contexts of order one are what the encoders give.
TEST(FlowPack, TheShippedFlow) {
  const at::NoGradGuard no_grad;
  const Checkpoint checkpoint =
      read_checkpoint(std::filesystem::path(PENUMBRA_SOURCE_DIR) / "data/checkpoints/compact.h5");
  const Preset preset = read_preset(Config::parse(checkpoint.info.preset, "compact.h5"));
  const FeatureLayout features{.phase_bins = static_cast<int>(preset.network.phase_bins)};
  const auto network = make_network(preset, data_layout(features), std::nullopt, at::kCPU);
  network->weights().load(checkpoint.weights, "compact.h5");
  const at::Tensor context = random_tensor({4, preset.network.context}, 34);
  expect_naive_inverse(network->flow(), context, 40);
  expect_density(network->flow(), context, 100);
}

TEST(FlowPack, SamplesFollowTheDensity) {
  const at::NoGradGuard no_grad;
  const RandomFlow f(flow_config(3, 16, 3), 2, 3, 0.2);
  const at::Tensor context = random_tensor({1, 3}, 20);
  constexpr int kSamples = 200000;
  const at::Tensor z = draw(f.flow, context, kSamples).z;
  // Probability of each coarse cell: 25 x 25 fine cells of the density against the fraction of samples.
  constexpr int kCoarse = 16, kFine = 25;
  constexpr double kLow = -6.0, kCell = 0.75, kStep = kCell / kFine;
  const at::Tensor axis = (at::arange(kCoarse * kFine, at::kFloat) + 0.5) * kStep + kLow;
  const auto grid = at::meshgrid({axis, axis}, "ij");
  const at::Tensor points = at::stack({grid[0].flatten(), grid[1].flatten()}, 1);
  const at::Tensor expected = f.flow.log_prob(points, context.expand({points.size(0), 3}))
                                  .exp()
                                  .view({kCoarse, kFine, kCoarse, kFine})
                                  .sum({1, 3}) *
                              (kStep * kStep);
  at::Tensor counts = at::zeros({kCoarse, kCoarse});
  const at::Tensor cell = ((z[0] - kLow) / kCell).floor().to(at::kLong);
  for (int i = 0; i < kSamples; ++i) {
    const std::int64_t a = cell[i][0].item<std::int64_t>(), b = cell[i][1].item<std::int64_t>();
    if (a >= 0 && a < kCoarse && b >= 0 && b < kCoarse) counts[a][b] += 1.0f;
  }
  int tested = 0;
  for (int a = 0; a < kCoarse; ++a) {
    for (int b = 0; b < kCoarse; ++b) {
      const double p = expected[a][b].item<double>(), deviation = std::sqrt(p * (1.0 - p) / kSamples);
      if (p * kSamples < 20.0) continue;
      ++tested;
      EXPECT_NEAR(counts[a][b].item<double>() / kSamples, p, 5.0 * deviation + 2e-3 * p) << a << ", " << b;
    }
  }
  EXPECT_GT(tested, 15);
}

}  // namespace
}  // namespace penumbra

// The training chain of kernels/training_chain.h, run on the host, beside what the host's own source makes of the same
// systems. Needs the data tables (tools/setup.sh tables).
#include "nn/binary_source.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "base/error.h"
#include "kernels/device.h"
#include "kernels/device_simulator.h"
#include "kernels/device_simulator_check.h"
#include "kernels/host_chain.h"
#include "nn/features.h"

namespace penumbra {
namespace {

const std::filesystem::path kData = PENUMBRA_SOURCE_DIR "/data";
constexpr std::uint64_t kSeed = 5;

class TrainingChain : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kData / "tables" / "atmospheres.h5"))
      GTEST_SKIP() << "data/tables is absent: run tools/setup.sh tables";
  }

  static Simulator simulator(const PriorSpec& spec) {
    static const Tables tables = Tables::load(kData);
    return Simulator(tables, Prior(spec, tables.tracks.view(), tables.dust.view()));
  }

  // Runs the chain as DeviceSimulator does; the most attempts that a system took.
  static int make_by_bodies(const Simulator& simulator, const FeatureRecipe& recipe, std::uint64_t first,
                            FeatureBatch& batch) {
    batch.resize(batch.size, recipe.layout);
    for (auto* values : {&batch.curves, &batch.summaries, &batch.sed, &batch.meta, &batch.z})
      std::fill(values->begin(), values->end(), NAN);
    ChainMemory<HostArray> memory;
    memory.resize(static_cast<std::size_t>(batch.size));
    do {
      run_chain(simulator.view(), &gauss_table(), recipe, kSeed, first, batch.size, batch.row(0), batch.z.data(),
                memory, HostLaunch{});
    } while (!all_made(kSeed, first, memory.status, memory.attempt));
    return *std::ranges::max_element(memory.attempt) + 1;
  }

  // The largest difference of any number from the host's.
  static double difference(const FeatureBatch& made, const FeatureBatch& expected) {
    double most = 0.0;
    const auto compare = [&](const std::vector<float>& a, const std::vector<float>& b) {
      ASSERT_EQ(a.size(), b.size());
      for (std::size_t i = 0; i < a.size(); ++i) {
        const double d = std::abs(double{a[i]} - double{b[i]});
        if (!(d <= most)) most = std::isnan(d) ? INFINITY : d;
      }
    };
    compare(made.curves, expected.curves);
    compare(made.summaries, expected.summaries);
    compare(made.sed, expected.sed);
    compare(made.meta, expected.meta);
    compare(made.z, expected.z);
    return most;
  }
};

Preset preset_of(const std::string& kind, const std::string& targets) {
  Preset preset;
  preset.kind = kind;
  preset.targets = targets;
  return preset;
}

// Single-precision numbers of at most 10: their last digit is 1e-6.
constexpr double kLastDigit = 1e-6;

TEST_F(TrainingChain, MakesTheRowsOfTheHost) {
  std::vector<Preset> presets{preset_of("binary", "latent"), preset_of("points", "theta"), preset_of("points", "theta"),
                              preset_of("binary", "eclipses")};
  presets[0].train.drop_share = 0.3;
  presets[1].points.points = 2000;
  presets[2].points.points = 301;  // fewer than most light curves have
  presets[2].points.channels = 6;
  presets[2].train.drop = {Modality::kPeriod, Modality::kParallax};
  presets[3].network.phase_bins = 37;  // fewer than there are shares
  presets[3].train.drop = {Modality::kPhotometry};
  const Simulator simulator = TrainingChain::simulator(named_prior("field"));
  std::uint64_t first = 0;
  for (const Preset& preset : presets) {
    const Targets targets = Targets::make(preset.targets, simulator.prior());
    FeatureBatch made, expected;
    made.size = 75;
    make_by_bodies(simulator, feature_recipe(preset, targets), first, made);
    expected.resize(made.size, made.layout);
    binary_source(simulator, preset, targets)(kSeed, first, made.size, expected.rows());
    EXPECT_LE(difference(made, expected), kLastDigit) << preset.kind << " from " << first;
    first += 75;
  }
}

TEST_F(TrainingChain, ReplacesADrawThatCannotBeSimulated) {
  PriorSpec spec = named_prior("paper");
  spec.msum_k = 40.0;  // stars so hot that the limb-darkening table ends below one of them
  spec.log_age_max = 7.0;
  const Simulator simulator = TrainingChain::simulator(spec);
  const Preset preset = preset_of("binary", "latent");
  const Targets targets = Targets::make(preset.targets, simulator.prior());
  FeatureBatch made, expected;
  made.size = 20;
  EXPECT_GT(make_by_bodies(simulator, feature_recipe(preset, targets), 0, made), 1);
  expected.resize(made.size, made.layout);
  binary_source(simulator, preset, targets)(kSeed, 0, made.size, expected.rows());
  EXPECT_LE(difference(made, expected), kLastDigit);
}

TEST_F(TrainingChain, SaysWhereThePriorGivesNothing) {
  PriorSpec spec = named_prior("paper");
  spec.feh_mean = spec.feh_tail_mean = 8.0;  // no tracks are so rich in metals
  const Simulator simulator = TrainingChain::simulator(spec);
  const Preset preset = preset_of("binary", "latent");
  FeatureBatch made;
  made.size = 1;
  try {
    make_by_bodies(simulator, feature_recipe(preset, Targets()), 40, made);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("no system 40 of seed 5"), std::string::npos) << error.what();
  }
}

TEST(DeviceSimulatorTest, RefusesWhatOnlyTheHostCanDo) {
  SimulatorView view{};
  view.options.resolution.heat_maps = true;
  EXPECT_THROW(DeviceSimulator(view, FeatureRecipe{}, 1, 1), std::invalid_argument);
  view.options.resolution = {.polar = 1};
  EXPECT_THROW(DeviceSimulator(view, FeatureRecipe{}, 1, 1), std::invalid_argument);
}

TEST(DeviceSimulatorTest, SaysThatThereIsNoDevice) {
  std::string why;
  if (cuda_device_available(&why)) GTEST_SKIP() << "this machine has a CUDA device";
  EXPECT_THROW(DeviceSimulator(SimulatorView{}, FeatureRecipe{}, 1, 1), EnvironmentError);
}

}  // namespace
}  // namespace penumbra

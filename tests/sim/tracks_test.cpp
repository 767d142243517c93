#include "sim/tracks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/random.h"

namespace penumbra {
namespace {

const std::filesystem::path kTable = PENUMBRA_SOURCE_DIR "/data/tables/tracks.h5";

class Tracks : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (std::filesystem::exists(kTable)) grid_ = new TrackGrid(TrackGrid::load(kTable));
  }
  static void TearDownTestSuite() {
    delete grid_;
    grid_ = nullptr;
  }
  void SetUp() override {
    if (grid_ == nullptr) GTEST_SKIP() << kTable << " is absent: run python data/recipes/make_tracks.py";
    view_ = grid_->view();
  }
  static inline TrackGrid* grid_ = nullptr;
  TrackView view_;
};

// A small grid whose rows follow a formula that is linear in [Fe/H] and log age at fixed EEP, so that the answer is
// exact.
struct FormulaGrid {
  std::vector<double> feh{-1.0, 0.0, 1.0}, log_age{8.0, 9.0};
  std::vector<int> first{10, 12, 10, 11, 10, 10}, count{40, 40, 42, 40, 41, 40};
  std::vector<long> offset;
  std::vector<float> mass, log_teff, log_radius;

  static double mass_at(double z, double age, double eep) {
    return 0.5 + 0.01 * eep * eep * (1.0 - 0.05 * age) + 0.1 * z;
  }
  static double teff_at(double z, double age, double eep) { return 3.5 + 0.01 * eep - 0.02 * z + 0.003 * age; }
  static double radius_at(double z, double age, double eep) { return -0.2 + 0.02 * eep + 0.05 * z - 0.01 * age; }

  FormulaGrid() {
    for (std::size_t c = 0; c < 6; ++c) {
      offset.push_back(static_cast<long>(mass.size()));
      for (int k = 0; k < count[c]; ++k) {
        const double eep = first[c] + k;
        mass.push_back(static_cast<float>(mass_at(feh[c / 2], log_age[c % 2], eep)));
        log_teff.push_back(static_cast<float>(teff_at(feh[c / 2], log_age[c % 2], eep)));
        log_radius.push_back(static_cast<float>(radius_at(feh[c / 2], log_age[c % 2], eep)));
      }
    }
  }
  TrackView view() const {
    return {feh.data(),      log_age.data(),   3, 2, first.data(), count.data(), offset.data(), mass.data(),
            log_teff.data(), log_radius.data()};
  }
};

TEST(TrackInterpolation, IsExactForRowsLinearInMetallicityAndAge) {
  const FormulaGrid grid;
  for (const double z : {-1.0, -0.7, 0.0, 0.25, 1.0}) {
    for (const double age : {8.0, 8.4, 9.0}) {
      for (const double eep : {13.0, 20.0, 37.5}) {
        const int below = static_cast<int>(std::floor(eep));
        const double t = eep - below;
        const double mass =
            (1.0 - t) * FormulaGrid::mass_at(z, age, below) + t * FormulaGrid::mass_at(z, age, below + 1);
        StellarState star;
        ASSERT_TRUE(interpolate_star(grid.view(), mass, age, z, star)) << z << ' ' << age << ' ' << eep;
        EXPECT_NEAR(star.eep, eep, 1e-4);
        EXPECT_NEAR(std::log10(star.teff_k), FormulaGrid::teff_at(z, age, eep), 2e-6);
        EXPECT_NEAR(std::log10(star.radius_rsun), FormulaGrid::radius_at(z, age, eep), 2e-6);
        EXPECT_NEAR(star.log_l, 2.0 * std::log10(star.radius_rsun) + 4.0 * std::log10(star.teff_k / kTeffSun), 1e-12);
      }
    }
  }
}

TEST(TrackInterpolation, RejectsWhatItWouldHaveToExtrapolate) {
  FormulaGrid grid;
  StellarState star;
  const double mass = FormulaGrid::mass_at(0.5, 8.5, 20.0);
  ASSERT_TRUE(interpolate_star(grid.view(), mass, 8.5, 0.5, star));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(interpolate_star(grid.view(), mass, 7.99, 0.5, star));
  EXPECT_FALSE(interpolate_star(grid.view(), mass, 9.01, 0.5, star));
  EXPECT_FALSE(interpolate_star(grid.view(), mass, 8.5, -1.01, star));
  EXPECT_FALSE(interpolate_star(grid.view(), mass, 8.5, 1.01, star));
  EXPECT_FALSE(interpolate_star(grid.view(), nan, 8.5, 0.5, star));
  EXPECT_FALSE(interpolate_star(grid.view(), mass, nan, 0.5, star));
  EXPECT_FALSE(interpolate_star(grid.view(), mass, 8.5, nan, star));
  EXPECT_FALSE(interpolate_star(grid.view(), 0.1, 8.5, 0.5, star));
  EXPECT_FALSE(interpolate_star(grid.view(), 100.0, 8.5, 0.5, star));

  // One corner without models at these EEPs.
  grid.log_teff[static_cast<std::size_t>(grid.offset[4] + 10)] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(interpolate_star(grid.view(), FormulaGrid::mass_at(0.5, 8.5, 20.3), 8.5, 0.5, star));
  EXPECT_TRUE(interpolate_star(grid.view(), FormulaGrid::mass_at(0.5, 8.5, 22.3), 8.5, 0.5, star));
  // On the grid line away from that corner it is not asked.
  EXPECT_TRUE(interpolate_star(grid.view(), FormulaGrid::mass_at(0.5, 9.0, 20.3), 9.0, 0.5, star));

  // One corner without an isochrone.
  grid.count[5] = 0;
  EXPECT_FALSE(interpolate_star(grid.view(), mass, 8.5, 0.5, star));
  EXPECT_TRUE(interpolate_star(grid.view(), FormulaGrid::mass_at(-0.5, 8.5, 20.0), 8.5, -0.5, star));
}

TEST(TrackInterpolation, TakesTheEarlierPhaseOfEqualMasses) {
  FormulaGrid grid;
  for (std::size_t r = static_cast<std::size_t>(grid.offset[0]) + 5; r <= static_cast<std::size_t>(grid.offset[0]) + 9;
       ++r) {
    grid.mass[r] = grid.mass[static_cast<std::size_t>(grid.offset[0]) + 5];
  }
  StellarState star;
  const double mass = static_cast<double>(grid.mass[static_cast<std::size_t>(grid.offset[0]) + 5]);
  ASSERT_TRUE(interpolate_star(grid.view(), mass, 8.0, -1.0, star));
  EXPECT_DOUBLE_EQ(star.eep, 15.0);
}

TEST_F(Tracks, TheSunIsTheSun) {
  // 4.57 Gyr. MIST is calibrated on the Sun; with rotation (v/vcrit = 0.4) off below 1.2 Msun.
  StellarState sun;
  ASSERT_TRUE(interpolate_star(view_, 1.0, std::log10(4.57e9), 0.0, sun));
  std::printf("Sun: Teff %.0f K, R %.4f Rsun, log L %+.4f, EEP %.1f\n", sun.teff_k, sun.radius_rsun, sun.log_l,
              sun.eep);
  EXPECT_NEAR(sun.teff_k, 5772.0, 0.02 * 5772.0);
  EXPECT_NEAR(sun.radius_rsun, 1.0, 0.03);
  EXPECT_NEAR(sun.log_l, 0.0, 0.04);
  EXPECT_GT(sun.eep, 202.0);
  EXPECT_LT(sun.eep, 454.0);
}

TEST_F(Tracks, YoungStarsAreLargerAndPreMainSequence) {
  StellarState young, old;
  ASSERT_TRUE(interpolate_star(view_, 0.6, 6.8, 0.0, young));
  ASSERT_TRUE(interpolate_star(view_, 0.6, 9.5, 0.0, old));
  EXPECT_LT(young.eep, 202.0);
  EXPECT_GT(young.radius_rsun, 1.3 * old.radius_rsun);
}

TEST_F(Tracks, StaysInsideTheSourcesCoverage) {
  StellarState star;
  EXPECT_FALSE(interpolate_star(view_, 0.45, 9.5, 0.5, star));  // [Fe/H] = +.5 starts at .5 Msun
  EXPECT_FALSE(interpolate_star(view_, 0.45, 9.5, 0.4, star));
  EXPECT_TRUE(interpolate_star(view_, 0.6, 9.5, 0.5, star));
  EXPECT_FALSE(interpolate_star(view_, 1.0, 9.5, 0.51, star));
  EXPECT_FALSE(interpolate_star(view_, 0.09, 9.5, 0.0, star));
  EXPECT_FALSE(interpolate_star(view_, 3.0, 10.0, 0.0, star));  // gone by then
}

// A grid without every other isochrone along one axis: what is left out is predicted from its neighbours.
struct ThinGrid {
  std::vector<double> feh, log_age;
  std::vector<int> first, count;
  std::vector<long> offset;
  TrackView view;

  ThinGrid(const TrackView& full, int feh_step, int age_step) : view(full) {
    for (int i = 0; i < full.feh_count; i += feh_step) feh.push_back(full.feh_axis[i]);
    for (int j = 0; j < full.age_count; j += age_step) log_age.push_back(full.log_age_axis[j]);
    for (int i = 0; i < full.feh_count; i += feh_step) {
      for (int j = 0; j < full.age_count; j += age_step) {
        const int cell = i * full.age_count + j;
        first.push_back(full.first_eep[cell]);
        count.push_back(full.eep_count[cell]);
        offset.push_back(full.row_offset[cell]);
      }
    }
    view.feh_axis = feh.data();
    view.feh_count = static_cast<int>(feh.size());
    view.log_age_axis = log_age.data();
    view.age_count = static_cast<int>(log_age.size());
    view.first_eep = first.data();
    view.eep_count = count.data();
    view.row_offset = offset.data();
  }
};

// Isochrones held out and predicted at the same mass, by phase of evolution (EEPs: Dotter 2016, table 2). Neighbours
// are twice as far as in the grid, so its own error is about a quarter of this. Past the main sequence a track's mass
// and the phase it has reached go together so closely that at equal mass the phase itself is off.
TEST_F(Tracks, HeldOutIsochronesByPhaseOfEvolution) {
  struct Phase {
    const char* name;
    int from, to;
  };
  const Phase phases[] = {{"pre-main sequence", 1, 202},
                          {"main sequence", 202, 454},
                          {"subgiants, red giants", 454, 605},
                          {"core helium burning and after", 605, 808}};
  const auto quantile = [](std::vector<double>& values, double p) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(p * static_cast<double>(values.size() - 1))];
  };
  std::printf(
      "median, 90%%, 99%% of\nheld out  phase of evolution             stars  |dTeff|/Teff             |dR|/R"
      "                   |dL|/L\n");
  for (const bool age : {true, false}) {
    const ThinGrid thin(view_, age ? 1 : 2, age ? 2 : 1);
    for (const Phase& phase : phases) {
      RandomStream random(1, age ? 0 : 1, Stage::kTest);
      std::vector<double> teff, radius, luminosity;
      for (int tried = 0; teff.size() < 3000 && tried < 400000; ++tried) {
        const int i = age ? 4 + random.below(view_.feh_count - 4) : 5 + 2 * random.below(view_.feh_count / 2 - 2);
        const int j = age ? 31 + 2 * random.below(35) : 30 + random.below(70);  // log age from 6.5
        const double mass = 0.2 * std::pow(25.0, random.uniform());
        StellarState exact, predicted;
        if (!interpolate_star(view_, mass, view_.log_age_axis[j], view_.feh_axis[i], exact)) continue;
        if (exact.eep < phase.from || exact.eep >= phase.to) continue;
        if (!interpolate_star(thin.view, mass, view_.log_age_axis[j], view_.feh_axis[i], predicted)) continue;
        teff.push_back(std::abs(predicted.teff_k / exact.teff_k - 1.0));
        radius.push_back(std::abs(predicted.radius_rsun / exact.radius_rsun - 1.0));
        luminosity.push_back(std::abs(std::pow(10.0, predicted.log_l - exact.log_l) - 1.0));
      }
      ASSERT_GT(teff.size(), 100u) << phase.name;
      std::printf("%-9s %-29s %5zu", age ? "age" : "[Fe/H]", phase.name, teff.size());
      for (std::vector<double>* values : {&teff, &radius, &luminosity})
        std::printf("  %.1e %.1e %.1e", quantile(*values, 0.5), quantile(*values, 0.9), quantile(*values, 0.99));
      std::printf("\n");
      if (phase.to == 454) {  // steps: .05 dex in age, .25 to .5 dex in [Fe/H]
        EXPECT_LT(quantile(teff, 0.5), age ? 1e-3 : 6e-3);
        EXPECT_LT(quantile(radius, 0.5), age ? 1e-3 : 6e-3);
        EXPECT_LT(quantile(teff, 0.99), age ? 0.01 : 0.06);
        EXPECT_LT(quantile(radius, 0.99), age ? 0.02 : 0.06);
      }
    }
  }
}

TEST_F(Tracks, RandomStarsAreFiniteConsistentAndFast) {
  RandomStream random(2, 0, Stage::kTest);
  int found = 0;
  constexpr int kTries = 200000;
  std::vector<double> mass(kTries), age(kTries), feh(kTries);
  for (int k = 0; k < kTries; ++k) {
    const auto at = static_cast<std::size_t>(k);
    mass[at] = 0.1 * std::pow(100.0, random.uniform());
    age[at] = 6.5 + 3.63 * random.uniform();
    feh[at] = -2.5 + 3.0 * random.uniform();
  }
  double checksum = 0.0;
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t k = 0; k < kTries; ++k) {
    StellarState star;
    if (interpolate_star(view_, mass[k], age[k], feh[k], star)) {
      ++found;
      checksum += star.teff_k + star.radius_rsun + star.log_l + star.eep;
      if (!(star.teff_k > 2000.0 && star.teff_k < 1e5 && star.radius_rsun > 0.08 && star.radius_rsun < 2000.0 &&
            star.log_l > -4.5 && star.log_l < 6.5 && star.eep >= 1.0 && star.eep <= 807.0)) {
        ADD_FAILURE() << mass[k] << ' ' << age[k] << ' ' << feh[k] << ": " << star.teff_k << ' ' << star.radius_rsun;
      }
    }
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%d of %d stars inside the grid, %.2f us a star\n", found, kTries, 1e6 * seconds / kTries);
  EXPECT_TRUE(std::isfinite(checksum));
  EXPECT_GT(found, kTries / 2);
}

TEST_F(Tracks, BisectionFindsWhatAFullSearchFinds) {
  RandomStream random(3, 0, Stage::kTest);
  for (int k = 0; k < 300; ++k) {
    // On a grid node the interpolated isochrone is the cell's own.
    const int i = random.below(view_.feh_count);
    const int j = 30 + random.below(70);
    const int cell = i * view_.age_count + j;
    const double mass = 0.5 + random.uniform();
    StellarState star;
    if (!interpolate_star(view_, mass, view_.log_age_axis[j], view_.feh_axis[i], star)) continue;
    int eep = 0;
    const float* rows = view_.mass_msun + view_.row_offset[cell];
    while (static_cast<double>(rows[eep + 1]) < mass) ++eep;
    EXPECT_GE(star.eep, view_.first_eep[cell] + eep);
    EXPECT_LE(star.eep, view_.first_eep[cell] + eep + 1);
  }
}

// Quoted CSV, one vector of cells a line.
std::vector<std::vector<std::string>> read_csv(const std::filesystem::path& file) {
  std::vector<std::vector<std::string>> rows;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> cells(1);
    bool quoted = false;
    for (const char c : line) {
      if (c == '"') {
        quoted = !quoted;
      } else if (c == ',' && !quoted) {
        cells.emplace_back();
      } else {
        cells.back() += c;
      }
    }
    rows.push_back(cells);
  }
  return rows;
}

TEST_F(Tracks, MeasuredBinariesLieWithinTheToleranceOfTheTracks) {
  // Eclipsing binaries with measured masses, radii and temperatures: some age and [Fe/H] must bring both stars of
  // nearly every one within the 5% that the prior allows about the tracks.
  const char* shared = std::getenv("PENUMBRA_SHARED");
  const std::filesystem::path folder = shared != nullptr ? shared : PENUMBRA_SOURCE_DIR "/../shared";
  const auto rows = read_csv(folder / "observations" / "eb_literature_params.csv");
  if (rows.empty()) GTEST_SKIP() << folder << " holds no observations/eb_literature_params.csv";
  const auto column = [&](const char* name) {
    return static_cast<std::size_t>(std::find(rows[0].begin(), rows[0].end(), name) - rows[0].begin());
  };
  int systems = 0, within = 0;
  std::vector<double> distance;
  for (std::size_t r = 1; r < rows.size(); ++r) {
    double mass[2], radius[2], teff[2];
    bool complete = true;
    for (std::size_t k = 0; k < 2; ++k) {
      const std::string star = k == 0 ? "A" : "B";
      const auto number = [&](const std::string& name) {
        const std::string& cell = rows[r].at(column((name + star).c_str()));
        if (cell.empty()) complete = false;
        return std::atof(cell.c_str());
      };
      mass[k] = number("M");
      radius[k] = number("R");
      teff[k] = number("Teff");
    }
    if (!complete) continue;
    double best = 1e9;
    for (double feh = -1.0; feh <= 0.5; feh += 0.05) {
      for (double age = 6.5; age <= 10.13; age += 0.01) {
        double worst = 0.0;
        for (std::size_t k = 0; k < 2; ++k) {
          StellarState star;
          if (!interpolate_star(view_, mass[k], age, feh, star)) {
            worst = 1e9;
            break;
          }
          worst =
              std::max({worst, std::abs(radius[k] / star.radius_rsun - 1.0), std::abs(teff[k] / star.teff_k - 1.0)});
        }
        best = std::min(best, worst);
      }
    }
    distance.push_back(best);
    ++systems;
    within += best <= 0.05;
  }
  std::sort(distance.begin(), distance.end());
  std::printf("%d of %d measured binaries within 5%% of the tracks, median of the larger difference %.3f\n", within,
              systems, distance[distance.size() / 2]);
  EXPECT_GE(systems, 30);
  EXPECT_GE(within, 0.8 * systems);
  EXPECT_LT(distance[distance.size() / 2], 0.02);
}

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST(TrackRecipe, GivesTheSameBytesTwiceAndNamesAChangedSource) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("penumbra_tracks_" + std::to_string(std::random_device{}()));
  std::filesystem::create_directories(folder / "lachesis_grids" / "grids");
  const auto run = [&](const std::string& options) {
    return std::system(("'" PENUMBRA_PYTHON "' '" PENUMBRA_SOURCE_DIR "/data/recipes/make_tracks.py' " + options +
                        " > '" + (folder / "log").string() + "' 2>&1")
                           .c_str());
  };
  const auto out = [&](const char* name) { return "--out '" + (folder / name).string() + "'"; };
  if (run(out("first.h5")) != 0) {
    const std::string why = content(folder / "log");
    std::filesystem::remove_all(folder);
    GTEST_SKIP() << "the recipe's package is not there: " << why;
  }
  EXPECT_EQ(run(out("second.h5")), 0);
  EXPECT_GT(std::filesystem::file_size(folder / "first.h5"), 1'000'000u);
  EXPECT_TRUE(content(folder / "first.h5") == content(folder / "second.h5"));

  std::ofstream(folder / "lachesis_grids" / "grids" / "mist_v2.5_vvcrit0.4.h5") << "something else";
  EXPECT_NE(run("--source '" + folder.string() + "' " + out("third.h5")), 0);
  EXPECT_NE(content(folder / "log").find("lachesis-grids==0.0.9"), std::string::npos);
  EXPECT_NE(content(folder / "log").find("has changed"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder / "third.h5"));
  std::filesystem::remove_all(folder);
}

TEST(TrackFile, AMissingFileIsAUsersError) { EXPECT_THROW(TrackGrid::load("/nonexistent/tracks.h5"), UserError); }

TEST(TrackFile, SunsTemperatureIsWrittenOnce) { EXPECT_NEAR(kLogTeffSun, std::log10(kTeffSun), 1e-15); }

}  // namespace
}  // namespace penumbra

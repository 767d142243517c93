// Labels of stars from their spectra: mock stars whose labels are known, and every real spectrum that is there.
// usage: experiment_spectra CONFIG.toml OUT [--spectra FOLDER]
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>

#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/run_settings.h"
#include "base/sha256.h"
#include "experiments/experiment.h"
#include "experiments/spectra/chains.h"
#include "experiments/spectra/real.h"
#include "inference/calibration.h"
#include "inference/importance.h"
#include "inference/ranks.h"
#include "inference/spectrum_inference.h"
#include "inference/summary.h"
#include "inference/uniformity.h"
#include "nn/device.h"
#include "nn/spectrum_source.h"
#include "spectra/spectrum_likelihood.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kHeldOutSeed = 20'260'000'001;  // plus the run's seed
constexpr std::size_t kChunk = 50;                      // stars sampled together
constexpr std::size_t kWidth = kLabelCount;

struct Settings {
  fs::path data, checkpoint, emulator, noise;
  RunSettings run;
  std::size_t stars, samples, points;
  std::size_t compared, chains;  // of the mock stars: fitted and weighed; with Metropolis chains
  SpectrumOptions posterior;     // of each of those and of each real spectrum
  std::vector<fs::path> spectra;
};

Settings read_settings(const Config& config) {
  const fs::path data = default_data_folder();
  const auto size = [&config](const char* key, std::int64_t fallback) {
    return static_cast<std::size_t>(config.integer(key, fallback, {0.0, 1e7}));
  };
  Settings s;
  s.data = data;
  // Where the configuration names none: the program's own, whose folder is no part of the record.
  const auto file = [&config](const char* key, const fs::path& own) {
    const std::string named = config.text(key, "");
    return named.empty() ? own : fs::path(named);
  };
  s.checkpoint = file("checkpoint", data / "checkpoints/spectra-compact.h5");
  s.emulator = file("emulator", data / "spectra/emulator.h5");
  s.noise = file("noise", data / "tables/apogee");
  s.spectra = {file("spectra", s.noise)};
  s.run = read_run_settings(config);
  s.stars = static_cast<std::size_t>(config.integer("stars", 2000, {20.0, 1e7}));
  s.samples = static_cast<std::size_t>(config.integer("samples", 1000, {20.0, 1e6}));
  s.points = static_cast<std::size_t>(config.integer("points", 100, {2.0, 1000.0}));
  s.compared = std::min(size("compared", 50), s.stars);
  s.chains = std::min(size("chains", 3), s.compared);
  s.posterior.samples = static_cast<int>(config.integer("posterior_samples", 10000, {20.0, 1e7}));
  s.posterior.seed = s.run.seed;
  s.posterior.threads = s.run.threads;
  config.finish();
  return s;
}

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// The median of a label, and its intervals, as a table has them.
std::string summary_fields(const Summary& s) {
  return fmt::format("{:.6g},{:.6g},{:.6g},{:.6g},{:.6g}", s.median, s.low68, s.high68, s.low90, s.high90);
}

struct MockStar {
  Labels truth;
  double signal_to_noise;
  std::array<Summary, kWidth> summary;
  std::array<double, kWidth + 1> rank;  // the last: of ln q
};

class Experiment {
 public:
  explicit Experiment(const Settings& settings)
      : settings_(settings),
        posterior_(load_spectrum_posterior(settings.checkpoint, settings.run.device)),
        simulator_(LabelPrior(TrackGrid::load(settings.data / "tables/tracks.h5").view()),
                   Emulator::load(settings.emulator), settings.noise),
        model_(simulator_.prior(), simulator_.emulator()) {
    if (posterior_.info().seed == seed()) {
      throw UserError(fmt::format("{}: trained with seed {}, from which the mock stars come; choose another seed",
                                  settings.checkpoint.string(), seed()));
    }
  }

  ExperimentResult run() {
    calibrate();
    compare_mock_stars();
    compare_real_stars();
    ExperimentResult result;
    result.of_binaries = false;
    result.files = {{"labels.csv", labels_table()},
                    {"calibration.csv", calibration_table()},
                    {"ecdf.csv", ecdf_},
                    {"cost.csv", cost_},
                    {"chains.csv", chains_},
                    {"real.csv", real_},
                    {"real_labels.csv", real_labels_},
                    {"work/stars.csv", stars_table()},
                    {"work/fits.csv", fits_},
                    {"work/spectra.csv", spectra_}};
    const TrainedEmulator trained = trained_emulator(posterior_.info(), settings_.checkpoint);
    result.provenance = {{"checkpoint", settings_.checkpoint.filename().string()},
                         {"checkpoint_sha256", sha256_of_file(settings_.checkpoint)},
                         {"emulator", settings_.emulator.filename().string()},
                         {"emulator_sha256", sha256_of_file(settings_.emulator)},
                         {"emulator_of_training_sha256", trained.sha256},
                         {"held_out_seed", fmt::format("{}", seed())},
                         {"device", describe_device(posterior_.device())},
                         {"left_out", fmt::format("{}", failures_.size())}};
    return result;
  }

 private:
  std::uint64_t seed() const { return kHeldOutSeed + settings_.run.seed; }

  // ---- Mock stars: posterior, ranks of the truth.

  void calibrate() {
    const DataLayout layout = spectrum_layout();
    const std::size_t samples = settings_.samples;
    Progress progress("mock stars", settings_.stars);
    for (std::size_t first = 0; first < settings_.stars; first += kChunk) {
      throw_if_interrupted();
      const std::size_t count = std::min(kChunk, settings_.stars - first);
      const std::vector<SimulatedSpectrum> made = simulator_.simulate(seed(), first, static_cast<int>(count));
      std::vector<float> channels(count * 2 * kPixelCount), targets;
      for (std::size_t b = 0; b < count; ++b) {
        pack_spectrum(made[b].observation, &channels[b * 2 * kPixelCount]);
        targets.insert(targets.end(), made[b].star.z.begin(), made[b].star.z.end());
      }
      const SystemView view{&layout, static_cast<int>(count), {channels.data()}, targets.data()};
      std::vector<float> z, log_q;
      posterior_.sample(view, static_cast<int>(samples), seed(), first, z, log_q);
      const std::vector<float> log_q_of_truth = posterior_.log_prob(view);
      const std::size_t before = stars_.size();
      stars_.resize(before + count);
      parallel_for(count, settings_.run.threads, [&](std::uint64_t b) {
        MockStar& star = stars_[before + b];
        star.truth = made[b].star.labels;
        star.signal_to_noise = made[b].signal_to_noise;
        std::vector<std::vector<double>> columns(kWidth, std::vector<double>(samples));
        for (std::size_t s = 0; s < samples; ++s) {
          LabelLatent latent;
          std::copy_n(&z[(b * samples + s) * kWidth], kWidth, latent.begin());
          const Labels labels = simulator_.prior().labels_of(latent);
          for (std::size_t i = 0; i < kWidth; ++i) columns[i][s] = labels[i];
        }
        RandomStream random(seed(), first + b, Stage::kResample);
        for (std::size_t i = 0; i < kWidth; ++i) {
          star.rank[i] = uniform_rank(star.truth[i], columns[i], random);
          star.summary[i] = summarize(std::move(columns[i]));
        }
        const std::vector<double> densities(&log_q[b * samples], &log_q[b * samples] + samples);
        star.rank[kWidth] = uniform_rank(static_cast<double>(log_q_of_truth[b]), densities, random);
      });
      progress.advance(count);
    }
  }

  static std::string rank_name(std::size_t r) { return r < kWidth ? std::string(kLabels[r].name) : "log_q"; }

  std::string calibration_table() {
    const UniformBand uniform(stars_.size(), settings_.points);
    const auto band = uniform.band(0.95);
    const double n = static_cast<double>(stars_.size());
    std::vector<double> p_values;
    std::vector<std::string> rows;
    ecdf_ = "name,point,difference,lower,upper\n";
    for (std::size_t r = 0; r <= kWidth; ++r) {
      std::vector<double> ranks;
      for (const MockStar& star : stars_) ranks.push_back(star.rank[r]);
      const std::vector<std::size_t> counts = uniform.counts(ranks);
      double largest = 0.0;
      for (std::size_t k = 0; k < counts.size(); ++k) {
        const double z = static_cast<double>(k + 1) / static_cast<double>(settings_.points);
        const auto difference = [&](std::size_t count) { return static_cast<double>(count) / n - z; };
        if (std::fabs(difference(counts[k])) > std::fabs(largest)) largest = difference(counts[k]);
        ecdf_ += fmt::format("{},{:.4g},{:.5f},{:.5f},{:.5f}\n", rank_name(r), z, difference(counts[k]),
                             difference(band[k].first), difference(band[k].second));
      }
      std::string row = rank_name(r);
      for (const double level : kCoverageLevels) {
        // Of ln q: a joint region of highest density.
        const auto holds = [&](double rank) {
          return r < kWidth ? std::fabs(rank - 0.5) <= 0.5 * level : rank > 1.0 - level;
        };
        row += fmt::format(",{:.4f}", static_cast<double>(std::ranges::count_if(ranks, holds)) / n);
      }
      rows.push_back(row + fmt::format(",{:.4f}", largest));
      p_values.push_back(uniform.p(ranks));
    }
    const std::vector<double> corrected = holm(p_values);
    std::string csv = "name,coverage50,coverage68,coverage90,coverage95,largest_ecdf_difference,p,p_holm\n";
    for (std::size_t r = 0; r < rows.size(); ++r)
      csv += fmt::format("{},{:.3g},{:.3g}\n", rows[r], p_values[r], corrected[r]);
    return csv;
  }

  std::string stars_table() const {
    std::string csv = "star,signal_to_noise,label,truth,median,low68,high68,low90,high90\n";
    for (std::size_t s = 0; s < stars_.size(); ++s) {
      for (std::size_t i = 0; i < kWidth; ++i) {
        csv += fmt::format("{},{:.1f},{},{:.6g},{}\n", s, stars_[s].signal_to_noise, kLabels[i].name,
                           stars_[s].truth[i], summary_fields(stars_[s].summary[i]));
      }
    }
    return csv;
  }

  // Errors of medians and of fits, the latter on the stars that were fitted.
  std::string labels_table() const {
    std::string csv =
        "label,unit,tex,in_emulator,prior_deviation,rms_error,width68,compared,rms_error_compared,rms_error_fit\n";
    const auto rms = [](const std::vector<double>& values) {
      double squares = 0.0;
      for (const double v : values) squares += v * v;
      return values.empty() ? NAN : std::sqrt(squares / static_cast<double>(values.size()));
    };
    for (std::size_t i = 0; i < kWidth; ++i) {
      std::vector<double> errors, widths, truths, compared, fitted;
      double mean = 0.0;
      for (const MockStar& star : stars_) mean += star.truth[i] / static_cast<double>(stars_.size());
      for (std::size_t s = 0; s < stars_.size(); ++s) {
        const MockStar& star = stars_[s];
        errors.push_back(star.summary[i].median - star.truth[i]);
        widths.push_back(star.summary[i].high68 - star.summary[i].low68);
        truths.push_back(star.truth[i] - mean);
        if (s >= fitted_.size()) continue;
        compared.push_back(errors.back());
        fitted.push_back(fitted_[s].labels[i] - star.truth[i]);
      }
      csv += fmt::format("{},{},\"{}\",{},{:.4g},{:.4g},{:.4g},{},{:.4g},{:.4g}\n", kLabels[i].name, kLabels[i].unit,
                         kLabels[i].tex, simulator_.emulator().has(static_cast<int>(i)) ? 1 : 0, rms(truths),
                         rms(errors), summarize(widths).median, compared.size(), rms(compared), rms(fitted));
    }
    return csv;
  }

  // ---- One spectrum: network, weights and fit, each with its cost.

  struct Compared {
    SpectrumRecord record;
    SpectrumFit fit;
    double network_s, density_s, fit_s;  // of one processor
    double efficiency, pareto_k;
  };

  Compared compare(const std::string& name, const SpectrumObservation& observation) const {
    const DataLayout layout = spectrum_layout();
    std::vector<float> channels(2 * kPixelCount), z, log_q;
    const double start = cpu_seconds();
    pack_spectrum(observation, channels.data());
    posterior_.sample({&layout, 1, {channels.data()}, nullptr}, settings_.posterior.samples, seed(), 0, z, log_q);
    const double sampled = cpu_seconds();
    SpectrumRecord record = infer_spectrum(model_, posterior_, name, observation, settings_.posterior);
    const double network = sampled - start, inferred = cpu_seconds() - sampled;
    const SpectrumLikelihood likelihood(model_.emulator, record.observation);
    const double before = cpu_seconds();
    SpectrumFit fit = fit_spectrum(likelihood, model_.prior);
    const double fit_s = cpu_seconds() - before;
    PosteriorFacts facts;
    const ImportanceWeights weights =
        weigh_samples(record.samples.log_density, record.samples.log_q, record.samples.z.size(), facts);
    return {std::move(record),  std::move(fit),  network, std::max(0.0, inferred - network), fit_s,
            weights.efficiency, weights.pareto_k};
  }

  void compare_mock_stars() {
    cost_ =
        "star,signal_to_noise,pixels,chi2_truth,chi2_best_sample,chi2_fit,efficiency,pareto_k,network_s,density_s,"
        "fit_s,fit_evaluations\n";
    chains_ =
        "star,signal_to_noise,label,median,low68,high68,low90,high90,network_median,network_low68,network_high68,"
        "r_hat,effective_size,converged,evaluations,cpu_s\n";
    fits_ = "star,label,truth,fit,error\n";
    Progress progress("fits", settings_.compared);
    for (std::size_t s = 0; s < settings_.compared; ++s) {
      throw_if_interrupted();
      const SimulatedSpectrum made = simulator_.simulate(seed(), s, 1).front();
      const Compared c = compare(fmt::format("mock star {}", s), made.observation);
      const SpectrumLikelihood likelihood(model_.emulator, made.observation);
      const double chi2_truth = likelihood.models({&made.star.labels, 1}).chi_squared.front();
      cost_ += fmt::format("{},{:.1f},{},{:.1f},{:.1f},{:.1f},{:.4g},{:.3g},{:.3g},{:.3g},{:.3g},{}\n", s,
                           made.signal_to_noise, c.record.pixels, chi2_truth, c.record.chi_squared, c.fit.chi_squared,
                           c.efficiency, c.pareto_k, c.network_s, c.density_s, c.fit_s, c.fit.evaluations);
      for (std::size_t i = 0; i < kWidth; ++i) {
        fits_ += fmt::format("{},{},{:.6g},{:.6g},{:.4g}\n", s, kLabels[i].name, made.star.labels[i], c.fit.labels[i],
                             c.fit.error[i]);
      }
      if (s < settings_.chains) add_chains(s, made, likelihood, c.record);
      fitted_.push_back(c.fit);
      progress.advance();
    }
  }

  void add_chains(std::size_t star, const SimulatedSpectrum& made, const SpectrumLikelihood& likelihood,
                  const SpectrumRecord& record) {
    const double start = cpu_seconds();
    const ChainDensity density = [&](std::span<const LabelLatent> z) {
      std::vector<Labels> labels;
      for (const LabelLatent& point : z) labels.push_back(model_.prior.labels_of(point));
      std::vector<double> values = likelihood.log_likelihood(labels, settings_.run.threads);
      for (std::size_t n = 0; n < z.size(); ++n) values[n] += log_unit_normal(z[n]);
      return values;
    };
    const PosteriorMode mode = fit_posterior(likelihood, model_.prior);
    RandomStream random(seed(), star, Stage::kRefinement);
    const Chains chains = run_chains(density, mode.z, mode.covariance, {}, random);
    LabelSamples samples;
    for (const LabelLatent& z : chains.draws) samples.theta.push_back(model_.prior.labels_of(z));
    const double cpu = cpu_seconds() - start;
    const std::vector<PosteriorColumn> exact = label_columns(samples), network = label_columns(record.samples);
    for (std::size_t i = 0; i < kWidth; ++i) {
      const Summary own = summarize(network[i].values);
      chains_ +=
          fmt::format("{},{:.1f},{},{},{:.6g},{:.6g},{:.6g},{:.4f},{:.1f},{},{},{:.4g}\n", star, made.signal_to_noise,
                      kLabels[i].name, summary_fields(summarize(exact[i].values)), own.median, own.low68, own.high68,
                      chains.r_hat, chains.effective_size, chains.converged ? 1 : 0, chains.evaluations, cpu);
    }
  }

  // ---- Real spectra.

  void compare_real_stars() {
    real_ =
        "spectrum,name,file,signal_to_noise,pixels,chi2_best_sample,chi2_fit,rms_best_sample,rms_fit,efficiency,"
        "pareto_k\n";
    real_labels_ = "spectrum,label,median,low68,high68,low90,high90,fit,fit_error,published,published_error\n";
    spectra_ = "spectrum,wavelength,flux,sigma,masked,low,high,best_fit,fit\n";
    std::vector<RealSpectrum> all = read_real_spectra(settings_.spectra, failures_);
    if (const char* shared = std::getenv("PENUMBRA_SHARED"); shared != nullptr) {
      const fs::path npz = fs::path(shared) / "spectra/apogee_real_spectra_7214.npz";
      if (fs::exists(npz)) {
        for (RealSpectrum& spectrum : read_binspec_spectra(npz)) all.push_back(std::move(spectrum));
      }
    }
    Progress progress("real spectra", all.size());
    std::size_t number = 0;
    for (const RealSpectrum& real : all) {
      throw_if_interrupted();
      try {
        const SpectrumObservation observation = normalise(real.spectrum, model_.continuum);
        add_real(number, real, compare(real.spectrum.name, observation));
        ++number;
      } catch (const UserError& error) {
        failures_.emplace_back(error.what());
      }
      progress.advance();
    }
    for (const std::string& failure : failures_) fmt::print(stderr, "left out: {}\n", failure);
  }

  void add_real(std::size_t number, const RealSpectrum& real, const Compared& c) {
    const SpectrumRecord& record = c.record;
    const SpectrumLikelihood likelihood(model_.emulator, record.observation);
    const std::vector<float> fitted = likelihood.models({&c.fit.labels, 1}).flux;
    const auto rms = [&](const auto& model) {
      double squares = 0.0;
      for (std::size_t p = 0; p < kPixelCount; ++p) {
        const double difference = static_cast<double>(record.observation.flux[p]) - static_cast<double>(model[p]);
        if (!record.observation.masked[p]) squares += difference * difference;
      }
      return std::sqrt(squares / record.pixels);
    };
    real_ += fmt::format("{},{},{},{:.1f},{},{:.1f},{:.1f},{:.5f},{:.5f},{:.3g},{:.3g}\n", number, record.name,
                         real.file.filename().string(), record.signal_to_noise, record.pixels, record.chi_squared,
                         c.fit.chi_squared, rms(record.best_fit), rms(fitted), c.efficiency, c.pareto_k);
    const std::vector<PosteriorColumn> columns = label_columns(record.samples);
    for (std::size_t i = 0; i < kWidth; ++i) {
      std::string published = ",";
      for (const LiteratureValue& value : real.spectrum.published) {
        if (value.quantity == static_cast<int>(i)) published = fmt::format("{:.6g},{:.4g}", value.value, value.error);
      }
      real_labels_ +=
          fmt::format("{},{},{},{:.6g},{:.4g},{}\n", number, columns[i].name,
                      summary_fields(summarize(columns[i].values)), c.fit.labels[i], c.fit.error[i], published);
    }
    for (int p = 0; p < kPixelCount; ++p) {
      const auto i = static_cast<std::size_t>(p);
      spectra_ += fmt::format(
          "{},{:.4f},{:.5g},{:.4g},{},{:.5g},{:.5g},{:.5g},{:.5g}\n", number, wavelength_angstrom(p),
          record.observation.flux[i], record.observation.error[i], record.observation.masked[i], record.predictive[i],
          record.predictive[(std::size(kPredictiveQuantiles) - 1) * kPixelCount + i], record.best_fit[i], fitted[i]);
    }
  }

  Settings settings_;
  NeuralPosterior posterior_;
  SpectrumSimulator simulator_;
  SpectrumModel model_;
  std::vector<MockStar> stars_;
  std::vector<SpectrumFit> fitted_;  // of the first stars
  std::vector<std::string> failures_;
  std::string ecdf_, cost_, chains_, fits_, real_, real_labels_, spectra_;
};

ExperimentResult spectra(const Config& config) {
  const Settings settings = read_settings(config);
  set_torch_threads(settings.run.threads);
  return Experiment(settings).run();
}

}  // namespace
}  // namespace penumbra

int main(int argc, char** argv) { return penumbra::experiment_main(argc, argv, penumbra::spectra); }

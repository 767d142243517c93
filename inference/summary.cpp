#include "inference/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "inference/ensemble_mcmc.h"
#include "inference/importance.h"
#include "inference/quantile.h"

namespace penumbra {
namespace {

// "2.273 +- 0.011 (+0.4 sigma)": the distance of the posterior's median from the published value.
std::string literature_text(const LiteratureValue& entry, const Summary& posterior, int decimals) {
  std::string text = fmt::format("{:.{}f}", entry.value, decimals);
  if (entry.error > 0.0) text += fmt::format(" +- {:.{}f}", entry.error, decimals);
  const double distance = distance_in_sigma(posterior, entry);
  if (!std::isnan(distance)) text += fmt::format(" ({:+.1f} sigma)", distance);
  return text;
}

}  // namespace

double distance_in_sigma(const Summary& posterior, const LiteratureValue& published) {
  const double combined = std::hypot(0.5 * (posterior.high68 - posterior.low68), published.error);
  return combined > 0.0 ? (posterior.median - published.value) / combined : NAN;
}

Summary summarize(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {quantile(values, 0.5), quantile(values, 0.16), quantile(values, 0.84), quantile(values, 0.05),
          quantile(values, 0.95)};
}

double refinement_fact(const PosteriorRecord& record, std::string_view name) {
  for (const auto& [key, value] : record.refinement) {
    if (key == name) return std::stod(value);
  }
  return NAN;
}

bool refinement_trusted(const PosteriorRecord& record) {
  const double r_hat = refinement_fact(record, "mcmc_r_hat");
  if (std::isnan(r_hat)) return !(refinement_fact(record, "pareto_k") > kLargestParetoK);
  const EnsembleOptions enough;
  return r_hat <= enough.r_hat && refinement_fact(record, "mcmc_effective_size") >= enough.effective_size;
}

std::string summary_table(const PosteriorRecord& record) {
  std::vector<Quantities> rows;
  for (const Theta& theta : record.samples.theta) rows.push_back(derive_quantities(theta));
  const bool literature = !record.object.literature.empty();
  std::string text = fmt::format("{}: {} posterior samples, {}\n", record.object.name, rows.size(), record.method);
  if (record.reweighting) {
    text += fmt::format("made under prior {}, read under prior {}: {:.0f} effective samples\n",
                        record.reweighting->made_under, record.reweighting->read_under,
                        record.reweighting->effective_samples);
  }
  text += "\n";
  text += fmt::format("{:<14}{:<12}{:>12}  {:^25}  {:^25}{}\n", "quantity", "unit", "median", "68%", "90%",
                      literature ? "  literature (distance)" : "");
  std::vector<double> column(rows.size());
  std::vector<std::string> sources;
  for (int k = 0; k < kQuantityCount; ++k) {
    const ParameterInfo& info = quantity_info(k);
    for (std::size_t s = 0; s < rows.size(); ++s) column[s] = rows[s][static_cast<std::size_t>(k)];
    const Summary summary = summarize(column);
    const int d = info.decimals;
    std::string line =
        fmt::format("{:<14}{:<12}{:>12.{}f}  {:>11.{}f} - {:<11.{}f}  {:>11.{}f} - {:<11.{}f}", info.name, info.unit,
                    summary.median, d, summary.low68, d, summary.high68, d, summary.low90, d, summary.high90, d);
    for (const LiteratureValue& entry : record.object.literature) {
      if (entry.quantity != k) continue;
      auto known = std::find(sources.begin(), sources.end(), entry.source);
      if (known == sources.end()) known = sources.insert(sources.end(), entry.source);
      line += fmt::format("  {} [{}]", literature_text(entry, summary, d), known - sources.begin() + 1);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  for (std::size_t i = 0; i < sources.size(); ++i)
    text += fmt::format("{}[{}] {}\n", i == 0 ? "\n" : "", i + 1, sources[i]);
  for (std::size_t i = 0; i < record.refinement.size(); ++i) {
    const auto& [name, value] = record.refinement[i];
    text += fmt::format("{}{}: {}\n", i == 0 ? "\n" : "", name, value);
  }
  for (std::size_t i = 0; i < record.warnings.size(); ++i) {
    text += fmt::format("{}WARNING: {}\n", i == 0 ? "\n" : "", record.warnings[i]);
  }
  return text;
}

}  // namespace penumbra

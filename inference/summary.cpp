#include "inference/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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

std::string summary_table(const PosteriorRecord& record) {
  std::string head;
  if (record.reweighting) {
    head = fmt::format("made under prior {}, read under prior {}: {:.0f} effective samples\n",
                       record.reweighting->made_under, record.reweighting->read_under,
                       record.reweighting->effective_samples);
  }
  return summary_table(record.object.name, record, quantity_columns(record.samples), record.object.literature, head);
}

std::string summary_table(const std::string& object, const PosteriorFacts& facts,
                          std::span<const PosteriorColumn> columns, std::span<const LiteratureValue> literature,
                          const std::string& head) {
  std::string text =
      fmt::format("{}: {} posterior samples, {}\n", object, columns.front().values.size(), facts.method) + head + "\n";
  text += fmt::format("{:<14}{:<12}{:>12}  {:^25}  {:^25}{}\n", "quantity", "unit", "median", "68%", "90%",
                      literature.empty() ? "" : "  literature (distance)");
  std::vector<std::string> sources;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const PosteriorColumn& column = columns[k];
    const Summary summary = summarize(column.values);
    const int d = column.decimals;
    std::string line = fmt::format("{:<14}{:<12}{:>12.{}f}  {:>11.{}f} - {:<11.{}f}  {:>11.{}f} - {:<11.{}f}",
                                   column.name, column.unit, summary.median, d, summary.low68, d, summary.high68, d,
                                   summary.low90, d, summary.high90, d);
    for (const LiteratureValue& entry : literature) {
      if (entry.quantity != static_cast<int>(k)) continue;
      auto known = std::find(sources.begin(), sources.end(), entry.source);
      if (known == sources.end()) known = sources.insert(sources.end(), entry.source);
      line += fmt::format("  {} [{}]", literature_text(entry, summary, d), known - sources.begin() + 1);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  for (std::size_t i = 0; i < sources.size(); ++i)
    text += fmt::format("{}[{}] {}\n", i == 0 ? "\n" : "", i + 1, sources[i]);
  for (std::size_t i = 0; i < facts.refinement.size(); ++i) {
    const auto& [name, value] = facts.refinement[i];
    text += fmt::format("{}{}: {}\n", i == 0 ? "\n" : "", name, value);
  }
  for (std::size_t i = 0; i < facts.warnings.size(); ++i) {
    text += fmt::format("{}WARNING: {}\n", i == 0 ? "\n" : "", facts.warnings[i]);
  }
  return text;
}

}  // namespace penumbra

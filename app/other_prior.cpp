#include "app/other_prior.h"

namespace penumbra {

void OtherPriorChoice::add_options(CLI::App& verb, Settings& settings) {
  settings.shortcut(verb, "--prior", "prior.name",
                    "paper or field: read the posteriors under this prior [the network's]", true);
  settings.shortcut(verb, "--dust-map", "prior.dust_map",
                    "analytic or a Bayestar2019 file: read them under this dust [the network's]", true);
}

OtherPriorChoice::OtherPriorChoice(const Config& config) {
  const Config section = config.section("prior");
  if (section.has("name")) spec_ = read_prior(config);
  if (section.has("dust_map")) dust_ = read_dust_map(config);
}

std::optional<OtherPrior> OtherPriorChoice::make(const SimulationSettings& network, const Tables& tables,
                                                 const std::string& network_prior_name) {
  const PriorSpec& spec = spec_ ? *spec_ : network.prior;
  const DustMap& dust = dust_ ? *dust_ : network.dust;
  if (!spec_ && dust.sha256 == network.dust.sha256) return std::nullopt;
  dust_prior_.reset();
  if (dust.sha256 != network.dust.sha256) {
    dust_prior_ = dust.file.empty() ? DustPrior::analytic() : DustPrior::bayestar(dust.file);
  }
  prior_.emplace(spec, tables.tracks.view(), dust_prior_ ? dust_prior_->view() : tables.dust.view());
  return OtherPrior{&*prior_, describe_prior(spec, dust), network_prior_name};
}

}  // namespace penumbra

// The prior that a posterior is to be read under, as the settings of infer and report name it.
#pragma once

#include <optional>
#include <string>

#include "app/options.h"
#include "inference/read_under.h"

namespace penumbra {

// Keys prior.name and prior.dust_map: a named prior, another dust map, or both; what is not given is the network's.
class OtherPriorChoice {
 public:
  static void add_options(CLI::App& verb, Settings& settings);
  explicit OtherPriorChoice(const Config& config);
  // Whether the settings name any.
  bool given() const { return spec_ || dust_; }
  std::string dust_file() const { return dust_ ? dust_->file.string() : ""; }
  // `tables`: of the network's simulator; must outlive the answer, as must this object, whose next answer ends the
  // last. None: the network's own prior.
  std::optional<OtherPrior> make(const SimulationSettings& network, const Tables& tables,
                                 const std::string& network_prior_name);

 private:
  std::optional<PriorSpec> spec_;
  std::optional<DustMap> dust_;
  std::optional<DustPrior> dust_prior_;
  std::optional<Prior> prior_;
};

}  // namespace penumbra

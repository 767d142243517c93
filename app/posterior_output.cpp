#include "app/posterior_output.h"

#include <fmt/format.h>

#include <set>

#include "base/error.h"
#include "base/provenance.h"
#include "base/sha256.h"
#include "nn/device.h"

namespace penumbra {

namespace fs = std::filesystem;

std::vector<std::pair<std::string, std::string>> posterior_provenance(const Config& config, const RunSettings& run,
                                                                      const fs::path& checkpoint,
                                                                      const NeuralPosterior& posterior,
                                                                      const std::string& prior) {
  return {
      {"created_by", "penumbra " + program_version()},
      {"created_at", utc_now()},
      {"commit", program_commit()},
      {"config", config.resolved()},
      {"config_sha256", config.sha256()},
      {"seed", fmt::format("{}", run.seed)},
      {"device", describe_device(posterior.device())},
      {"checkpoint", checkpoint.string()},
      {"checkpoint_sha256", sha256_of_file(checkpoint)},
      {"checkpoint_commit", posterior.info().provenance.commit},
      {"prior", prior},
      {"simulation", posterior.info().provenance.simulation},
  };
}

std::vector<fs::path> output_files(const std::vector<std::string>& objects, const fs::path& folder) {
  std::vector<fs::path> files;
  std::set<fs::path> seen;
  for (const std::string& object : objects) {
    fs::path name = fs::path(object).filename();
    if (name.extension() == ".gz") name = name.stem();
    files.push_back(folder / (name.stem().string() + ".nc"));
    if (!seen.insert(files.back()).second) {
      throw UserError(
          fmt::format("{}: two files would write {}; they need different names", object, files.back().string()));
    }
  }
  return files;
}

void create_output_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw UserError(fmt::format("{}: cannot create the folder: {}", folder.string(), error.message()));
}

}  // namespace penumbra

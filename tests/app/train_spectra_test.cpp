// penumbra train on spectra that are simulated on the fly.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/app/run_program.h"
#include "tests/app/tiny_spectrum_network.h"
#include "tests/spectra/fits_files.h"
#include "tests/spectra/random_emulator.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

class TrainSpectra : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!tables_exist()) GTEST_SKIP() << "the data tables are absent: run tools/setup.sh tables";
    write_text(scratch_.path() / "tiny.toml", kTinySpectrumPreset);
    EmulatorArrays(kEmulatorLabelCount, 8, 8).write(scratch_.path() / "emulator.h5");
    fs::create_directories(scratch_.path() / "noise");
    StarFile().write(scratch_.path() / "noise/star.fits");
    write_text(scratch_.path() / "noise/bad.fits", "not FITS");
  }
  ProgramResult train(std::vector<std::string> more) {
    std::vector<std::string> arguments{"train",
                                       "--preset",
                                       "tiny.toml",
                                       "--data",
                                       PENUMBRA_SOURCE_DIR "/data",
                                       "--out",
                                       "run",
                                       "--device",
                                       "cpu",
                                       "--set",
                                       "threads=1",
                                       "--set",
                                       "spectra.emulator=emulator.h5",
                                       "--set",
                                       "spectra.noise=noise"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, scratch_.path());
  }
  void expect_error(const std::vector<std::string>& more, const std::string& expected) {
    const ProgramResult result = train(more);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_NE(result.err.find(expected), std::string::npos) << result.err;
    EXPECT_FALSE(fs::exists(scratch_.path() / "run/checkpoint.h5"));
  }

  ScratchFolder scratch_{"train_spectra"};
};

TEST_F(TrainSpectra, WritesANetworkAndNamesTheFileThatItLeftOut) {
  const ProgramResult result = train({});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("96 systems"), std::string::npos) << result.out;
  EXPECT_NE(result.err.find("left out: "), std::string::npos);
  EXPECT_NE(result.err.find("bad.fits: HDU"), std::string::npos) << result.err;
  const Hdf5Reader weights(scratch_.path() / "run/weights.h5");
  EXPECT_EQ(weights.strings("parameters").size(), static_cast<std::size_t>(kLabelCount));
  EXPECT_NE(weights.text_attribute("/", "simulation").find("emulator.h5"), std::string::npos);
}

TEST_F(TrainSpectra, NamesWhatIsWrong) {
  expect_error({"--set", "spectra.emulator=absent.h5"}, "absent.h5");
  expect_error({"--set", "spectra.noise=absent"}, "absent: no folder of APOGEE spectra");
  expect_error({"--set", "spectra.colour=red"}, "spectra.colour");
  expect_error({"--set", "prior.name=field"}, "prior");
  expect_error({"--set", "train.epochs=3"}, "train.epochs = 3");
}

}  // namespace
}  // namespace penumbra

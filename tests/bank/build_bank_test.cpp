#include "bank/build_bank.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <set>

#include "bank/measure_catalogues.h"
#include "bank/measure_light_curves.h"
#include "base/error.h"
#include "tests/bank/synthetic_survey.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

const fs::path kCommittedBank = PENUMBRA_SOURCE_DIR "/data/banks/surveys.h5";

const char* const kZtf =
    "[[light_curves]]\nchannel = 'ZTF:r'\nformat = 'ztf'\nfiles = 'stars.csv'\nobject = 'oid'\n"
    "source = 'a survey of known stars'\n";
const char* const kZtfNames = "oid,hjd,mag,magerr,catflags,filtercode\n";

// Twelve stars of known scatter, 12 to 18 mag, with ZTF's floor and photon noise as their quoted errors.
std::vector<SyntheticStar> known_stars() {
  std::vector<SyntheticStar> stars;
  for (int i = 0; i < 12; ++i) {
    const double magnitude = 12.0 + 0.5 * i;
    stars.push_back(
        {fmt::format("star{}", i), magnitude, std::hypot(0.012, 0.006 * std::pow(10.0, 0.2 * (magnitude - 15.0)))});
  }
  return stars;
}

std::string ztf_file(const std::vector<SyntheticStar>& stars) {
  std::string text = kZtfNames;
  for (std::size_t i = 0; i < stars.size(); ++i) text += rows_of(stars[i], i, true);
  return text;
}

class BuildBank : public testing::Test {
 protected:
  BuiltBank build(const std::string& description, const Holdout& holdout = {}) {
    const Config config = Config::parse("base = '" + kCommittedBank.string() + "'\n" + description, "bank.toml");
    BuiltBank built = build_bank(config, {folder()}, holdout);
    config.finish();
    return built;
  }
  const fs::path& folder() const { return scratch_.path(); }

 private:
  ScratchFolder scratch_{"build_bank"};
};

TEST_F(BuildBank, MeasuresWhatIsKnownOfASurvey) {
  std::vector<SyntheticStar> stars = known_stars();
  stars.push_back({"variable", 15.0, std::hypot(0.012, 0.006), 8.0, 0.25});  // would raise the scatter if it counted
  write_text(folder() / "stars.csv", ztf_file(stars));
  const GroundBank bank = build(kZtf).bank.ground[kZtfRChannel];
  ASSERT_EQ(bank.magnitude.size(), 13u);
  for (std::size_t star = 0; star < 12; ++star) {
    EXPECT_EQ(bank.points[star], 360.0);
    EXPECT_EQ(bank.night_size[star * kSizeNodes], 2.0);
    EXPECT_EQ(bank.night_size[star * kSizeNodes + kSizeNodes - 1], 2.0);
    EXPECT_NEAR(bank.log_gap[star * kGapNodes + kGapNodes / 2], std::log10(0.004), 1e-3);
    // Three seasons: a third of the nights in each, and none between them.
    const double* night = bank.night.data() + star * kNightNodes;
    EXPECT_EQ(night[0], 0.0);
    EXPECT_NEAR(night[kNightNodes - 1], 2 * 365 + 177, 4);
    for (std::size_t q = 0; q < kNightNodes; ++q) {
      EXPECT_LT(std::fmod(night[q], 365.0), 181.0) << q;
    }
    const double* hour = bank.hour.data() + star * kHourNodes;
    EXPECT_NEAR(hour[kHourNodes - 1] - hour[0], 0.2, 0.01);
  }
  // Stars come in the order of their names: star0, star1, star10, star11, star2, ...
  for (std::size_t i = 0; i < 12; ++i) {
    const double expected = std::hypot(0.012, 0.006 * std::pow(10.0, 0.2 * (bank.magnitude[i] - 15.0)));
    EXPECT_NEAR(bank.log_noise(bank.magnitude[i]), std::log10(expected * kRelativePerMag), 0.003);
    EXPECT_NEAR(bank.log_error[i * kErrorNodes + 8], std::log10(expected * kRelativePerMag), 0.001);
  }
  // A robust deviation of 180 differences is good to 1.17 / sqrt(2 x 180) = 6%; the mean of twelve to 2%.
  EXPECT_NEAR(bank.scatter[0], std::log10(1.5), 4.0 * 0.02 / std::log(10.0));
  EXPECT_NEAR(bank.scatter_rest[4], 0.0, 0.05);
  EXPECT_LT(bank.scatter_rest[8], 0.1);
}

TEST_F(BuildBank, OneFileAStarGzippedOrNotIsTheSame) {
  const std::vector<SyntheticStar> stars = known_stars();
  write_text(folder() / "stars.csv", ztf_file(stars));
  fs::create_directory(folder() / "folder");
  for (std::size_t i = 0; i < stars.size(); ++i) {
    const std::string text = "hjd,mag,magerr,catflags,filtercode\n" + rows_of(stars[i], i, false);
    const fs::path file = folder() / "folder" / (stars[i].name + (i % 2 == 0 ? ".csv" : ".csv.gz"));
    if (i % 2 == 0) {
      write_text(file, text);
    } else {
      const gzFile stream = gzopen(file.c_str(), "wb");
      gzwrite(stream, text.data(), static_cast<unsigned>(text.size()));
      gzclose(stream);
    }
  }
  const BuiltBank one = build(kZtf), many = build(
                                         "[[light_curves]]\nchannel = 'ZTF:r'\nformat = 'ztf'\n"
                                         "files = 'folder'\nsource = 'a survey of known stars'\n");
  std::vector<double> a = one.bank.ground[kZtfRChannel].magnitude, b = many.bank.ground[kZtfRChannel].magnitude;
  std::ranges::sort(a);
  std::ranges::sort(b);
  EXPECT_EQ(a, b);
  EXPECT_EQ(many.inputs.size(), 13u);  // twelve stars and the base
}

TEST_F(BuildBank, HoldoutsSplitTheStarsByName) {
  EXPECT_TRUE((Holdout{2, 1}.contains("abc")));  // SHA-256 ba7816bf...
  EXPECT_FALSE((Holdout{2, 0}.contains("abc")));
  EXPECT_FALSE((Holdout{}.contains("abc")));
  std::vector<SyntheticStar> stars;
  stars.reserve(40);
  for (int i = 0; i < 40; ++i) stars.push_back({fmt::format("star{}", i), 14.0 + 0.05 * i});
  write_text(folder() / "stars.csv", ztf_file(stars));
  const auto magnitudes = [&](const Holdout& holdout) {
    return build(kZtf, holdout).bank.ground[kZtfRChannel].magnitude;
  };
  std::vector<double> all = magnitudes({}), first = magnitudes({2, 0});
  const std::vector<double> second = magnitudes({2, 1});
  EXPECT_GT(first.size(), 9u);
  EXPECT_GT(second.size(), 9u);
  first.insert(first.end(), second.begin(), second.end());
  std::ranges::sort(first);
  std::ranges::sort(all);
  EXPECT_EQ(first, all);
}

TEST_F(BuildBank, FormatsOfSkyPatrol) {
  // Version 1 marks what it did not detect with '>' and 99.99; version 2 flags bad images.
  std::string first = "HJD,UT Date,Camera,FWHM,Limit,mag,mag_err,flux(mJy),flux_err,Filter\n",
              second = "jd,flux,flux_err,mag,mag_err,limit,fwhm,image_id,camera,quality,phot_filter\n";
  for (int i = 0; i < 60; ++i) {
    const char* const filter = i % 2 == 0 ? "V" : "g";
    const bool seen = i >= 6, good = i < 50;
    first += fmt::format("{},2017-01-01.5,bb,1.5,17.2,{},{},10.0,0.1,{}\n", 2457000.5 + i, seen ? "13.25" : ">17.20",
                         seen ? "0.01" : "99.99", filter);
    second += fmt::format("{},10.0,0.1,13.25,0.01,17.2,1.5,x,bb,{},{}\n", 2457000.5 + i, good ? "G" : "B", filter);
  }
  write_text(folder() / "first.csv", first);
  write_text(folder() / "second.csv", second);
  const Config config = Config::parse(
      "[[light_curves]]\nchannel = 'ASAS-SN:g'\nformat = 'asas-sn'\nfiles = ['first.csv', 'second.csv']\n"
      "minimum_points = 10\nsource = 'known'\n",
      "bank.toml");
  SourceFiles files({folder()});
  const LightCurveSource source = read_light_curves(config.sections("light_curves").front(), {}, files);
  ASSERT_EQ(source.curves.size(), 2u);
  EXPECT_EQ(source.curves[0].star, "first");
  EXPECT_EQ(source.curves[0].time_day.size(), 27u);  // 30 in g, 3 of them not detected
  EXPECT_EQ(source.curves[1].time_day.size(), 25u);  // 30 in g, 5 of them bad
  EXPECT_EQ(source.curves[0].time_day.front(), 2457007.5);
  EXPECT_EQ(source.curves[0].magnitude.back(), 13.25);
}

TEST_F(BuildBank, FluxesAreMeasuredLikeMagnitudes) {
  std::string fluxes = "oid,t,f,df\n", magnitudes = "oid,t,m,dm\n", index = "name,T\n";
  for (int star = 0; star < 9; ++star) {
    RandomStream random(6, static_cast<std::uint64_t>(star), Stage::kTest);
    index += fmt::format("s{},{}\n", star, 9.0 + 0.4 * star);
    for (int i = 0; i < 2000; ++i) {
      const double relative = 1.0 + 1e-3 * random.normal();
      fluxes += fmt::format("s{},{},{},{}\n", star, i / 720.0, 5e4 * relative, 25.0 * relative);
      magnitudes += fmt::format("s{},{},{},{}\n", star, i / 720.0, 9.0 + 0.4 * star - 2.5 * std::log10(relative),
                                5e-4 / kRelativePerMag);
    }
  }
  write_text(folder() / "fluxes.csv", fluxes);
  write_text(folder() / "magnitudes.csv", magnitudes);
  write_text(folder() / "index.csv", index);
  const std::string head =
      "[[light_curves]]\nchannel = 'TESS:T'\nformat = 'columns'\nobject = 'oid'\nsource = 'known'\n";
  const SpaceBank a = build(head +
                            "files = 'fluxes.csv'\ncolumns = { time = 't', flux = 'f', error = 'df' }\n"
                            "index = { file = 'index.csv', key = 'name', magnitude = 'T' }\n")
                          .bank.tess,
                  b = build(head + "files = 'magnitudes.csv'\ncolumns = { time = 't', mag = 'm', error = 'dm' }\n")
                          .bank.tess;
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_NEAR(a.log_scatter[i], std::log10(2.0), 0.06);  // robust, of 2000 second differences: 2% in the mean
    EXPECT_NEAR(a.log_scatter[i], b.log_scatter[i], 1e-3);
    EXPECT_NEAR(a.log_excess[i], b.log_excess[i], 1e-3);
    EXPECT_NEAR(a.coverage[i], 2000.0 / 720.0 / 27.4, 1e-6);
  }
}

TEST_F(BuildBank, PhotometricErrorsInEveryUnitAreTheSame) {
  std::string text = "J,eJ,snrJ,fJ,efJ,H,eH\n";
  RandomStream random(7, 0, Stage::kTest);
  for (int i = 0; i < 4000; ++i) {
    const double mag = 8.0 + 8.0 * random.uniform(), error = 0.01 * std::pow(10.0, 0.1 * random.normal()),
                 relative = error * kRelativePerMag;
    const bool listed = random.uniform() < 0.7;
    text += fmt::format("{},{},{},{},{},{},{}\n", mag, error, 1.0 / relative, 3.0, 3.0 * relative,
                        listed ? fmt::format("{}", mag) : "", listed ? "0.02" : "");
  }
  write_text(folder() / "catalogue.csv", text);
  const auto band = [&](const std::string& unit, const std::string& columns) {
    return build("[[photometry]]\nfiles = 'catalogue.csv'\nsource = 'known'\nunit = '" + unit +
                 "'\nsaturated_above = 5.0\nsaturated_error = 0.3\n[photometry.bands]\n'2MASS:H' = { magnitude = 'H', "
                 "error = 'eH' }\n'2MASS:J' = " +
                 columns + "\n")
        .bank.sed;
  };
  const auto mag = band("mag", "{ magnitude = 'J', error = 'eJ' }");
  EXPECT_NEAR(mag[k2massJ].log_error.at(12.0, 0.5), std::log10(0.01 * kRelativePerMag), 0.02);
  EXPECT_NEAR(mag[k2massJ].log_error.at(12.0, 0.875) - mag[k2massJ].log_error.at(12.0, 0.5), 0.115, 0.03);
  EXPECT_EQ(mag[k2massJ].log_error.at(6.0, 0.5), mag[k2massJ].log_error.at(8.0, 0.5));  // as the brightest measured
  EXPECT_NEAR(mag[k2massJ].log_error.at(18.0, 0.5) - mag[k2massJ].log_error.at(16.0, 0.5), 0.8, 1e-9);
  EXPECT_NEAR(mag[k2massJ].log_error.at(4.0, 0.5), std::log10(0.3), 1e-9);
  EXPECT_NEAR(mag[k2massH].listed, 0.7, 4.0 * std::sqrt(0.21 / 3600.0));
  const SedBank snr = build(
                          "[[photometry]]\nfiles = 'catalogue.csv'\nsource = 'known'\nunit = 'snr'\n"
                          "[photometry.bands]\n'2MASS:J' = { magnitude = 'J', error = 'snrJ' }\n")
                          .bank.sed[k2massJ],
                flux = build(
                           "[[photometry]]\nfiles = 'catalogue.csv'\nsource = 'known'\nunit = 'flux'\n"
                           "[photometry.bands]\n'2MASS:J' = { magnitude = 'J', error = 'efJ', flux = 'fJ' }\n")
                           .bank.sed[k2massJ];
  for (const double m : {9.0, 12.0, 15.0}) {
    EXPECT_NEAR(snr.log_error.at(m, 0.3), mag[k2massJ].log_error.at(m, 0.3), 1e-9);
    EXPECT_NEAR(flux.log_error.at(m, 0.3), mag[k2massJ].log_error.at(m, 0.3), 1e-9);
  }
  EXPECT_EQ(mag[kWiseW1].source, SurveyBank::load(kCommittedBank).sed[kWiseW1].source);  // from the base
}

TEST_F(BuildBank, ParallaxesOfDr2AreScaledWhereDr3IsThin) {
  // DR2's errors are 2.5 times DR3's, and DR3's are 1.2 times the formula's for stars redder than 1; DR3 begins at 12.
  std::string dr3 = "g,c,e\n", dr2 = "g,c,e\n";
  RandomStream random(8, 0, Stage::kTest);
  for (int i = 0; i < 20000; ++i) {
    const double g = 7.5 + 10.0 * random.uniform(), colour = 0.2 + 2.2 * random.uniform();
    const double error =
        gaia_parallax_error_mas(g) * (colour > 1.0 ? 1.2 : 1.0) * std::pow(10.0, 0.05 * random.normal());
    (i % 2 == 0 ? dr2 : dr3) += i % 2 == 0 ? fmt::format("{},{},{}\n", g, colour, 2.5 * error)
                                : g > 11.5 ? fmt::format("{},{},{}\n", g, colour, error)
                                           : "";
  }
  write_text(folder() / "dr3.csv", dr3);
  write_text(folder() / "dr2.csv", dr2);
  std::string description;
  for (const char* release : {"3", "2"}) {
    description += fmt::format(
        "[[parallax]]\nrelease = 'DR{0}'\nfiles = 'dr{0}.csv'\ng = 'g'\nbp_rp = 'c'\nerror = 'e'\n"
        "unit = 'mas'\nsource = 'known'\n",
        release);
  }
  const ParallaxBank bank = build(description).bank.parallax;
  for (const double g : {8.0, 10.0, 13.0, 16.0}) {
    EXPECT_NEAR(std::log10(bank.error_mas(g, 1.7, 0.5) / gaia_parallax_error_mas(g)), std::log10(1.2), 0.02) << g;
    EXPECT_NEAR(std::log10(bank.error_mas(g, 0.7, 0.5) / gaia_parallax_error_mas(g)), 0.0, 0.02) << g;
  }
  const std::size_t bins = bank.log_excess.front().magnitude.size();
  const auto origin = [&](double g, std::size_t colour) {
    return static_cast<ParallaxOrigin>(bank.origin[colour * bins + static_cast<std::size_t>(g - 5.0)]);
  };
  EXPECT_EQ(origin(9.0, 3), ParallaxOrigin::kDr2Scaled);
  EXPECT_EQ(origin(14.0, 3), ParallaxOrigin::kDr3);
  EXPECT_EQ(origin(5.0, 3), ParallaxOrigin::kFormula);
  EXPECT_NEAR(std::log10(bank.error_mas(5.0, 1.7, 0.5) / gaia_parallax_error_mas(5.0)), 0.0, 1e-9);
}

TEST_F(BuildBank, TheCommittedBankIsWhatItsDescriptionGives) {
  const char* shared = std::getenv("PENUMBRA_SHARED");
  const fs::path observations =
      (shared != nullptr ? fs::path(shared) : fs::path(PENUMBRA_SOURCE_DIR) / ".." / "shared") / "observations";
  if (!fs::exists(observations)) {
    GTEST_SKIP() << observations.string()
                 << " is not there (PENUMBRA_SHARED names the folder that holds observations/)";
  }
  std::string description = read_text(PENUMBRA_SOURCE_DIR "/data/banks/surveys.toml");
  // The sectors of TESS come as an archive, which a Python recipe unpacks: taken from the committed bank instead.
  const auto begin = description.find("[[light_curves]]\nchannel = \"TESS:T\""),
             end = description.find("# ----", begin);
  ASSERT_NE(begin, std::string::npos);
  description.erase(begin, end - begin);
  const Config config = Config::parse("base = '" + kCommittedBank.string() + "'\n" + description, "surveys.toml");
  const BuiltBank built = build_bank(config, {observations}, {});
  config.finish();
  const SurveyBank committed = SurveyBank::load(kCommittedBank);
  const auto expect_same = [](const std::vector<double>& a, const std::vector<double>& b, const std::string& what) {
    ASSERT_EQ(a.size(), b.size()) << what;
    for (std::size_t i = 0; i < a.size(); ++i)
      EXPECT_NEAR(a[i], b[i], 1e-6 * (1.0 + std::abs(b[i]))) << what << " " << i;
  };
  for (std::size_t c = 0; c < kTessChannel; ++c) {
    const GroundBank &a = built.bank.ground[c], &b = committed.ground[c];
    const std::string name(kChannels[c].name);
    EXPECT_EQ(a.source, b.source);
    expect_same(a.points, b.points, name);
    expect_same(a.night, b.night, name);
    expect_same(a.hour, b.hour, name);
    expect_same(a.night_size, b.night_size, name);
    expect_same(a.log_gap, b.log_gap, name);
    expect_same(a.log_error, b.log_error, name);
    expect_same(a.scatter_rest, b.scatter_rest, name);
    for (const double m : {12.0, 15.0, 18.0}) EXPECT_NEAR(a.log_noise(m), b.log_noise(m), 1e-4) << name;
  }
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    expect_same(built.bank.sed[k].log_error.value, committed.sed[k].log_error.value, std::string(kPassbands[k].name));
    EXPECT_EQ(built.bank.sed[k].source, committed.sed[k].source);
  }
  for (std::size_t c = 0; c < committed.parallax.log_excess.size(); ++c) {
    expect_same(built.bank.parallax.log_excess[c].value, committed.parallax.log_excess[c].value, "parallax");
  }
}

TEST_F(BuildBank, WrittenAndReadItIsTheSame) {
  write_text(folder() / "stars.csv", ztf_file(known_stars()));
  const BuiltBank built = build(kZtf);
  write_bank(folder() / "bank.h5", built, {{"command", "a test"}});
  const SurveyBank read = SurveyBank::load(folder() / "bank.h5");
  const GroundBank &a = built.bank.ground[kZtfRChannel], &b = read.ground[kZtfRChannel];
  for (std::size_t i = 0; i < a.log_error.size(); ++i) EXPECT_NEAR(a.log_error[i], b.log_error[i], 1e-6);
  EXPECT_EQ(a.noise_curve, b.noise_curve);
  EXPECT_EQ(a.scatter_rest, b.scatter_rest);
  EXPECT_EQ(built.bank.tess.log_scatter, read.tess.log_scatter);
  EXPECT_EQ(built.bank.sed[kGaiaG].source, read.sed[kGaiaG].source);
  EXPECT_EQ(built.bank.parallax.origin, read.parallax.origin);
}

// ----------------------------------------------------------------------------------------------------------- bad input

struct Mistake {
  std::string name, description, file;  // file: stars.csv
  std::vector<std::string> fragments;
  std::function<void(const fs::path&)> prepare = nullptr;
};

void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.name; }

class BadBank : public testing::TestWithParam<Mistake> {};

TEST_P(BadBank, IsRefusedByName) {
  const ScratchFolder scratch("bad_bank");
  write_text(scratch.path() / "stars.csv", GetParam().file);
  if (GetParam().prepare) GetParam().prepare(scratch.path());
  try {
    const Config config =
        Config::parse("base = '" + kCommittedBank.string() + "'\n" + GetParam().description, "bank.toml");
    build_bank(config, {scratch.path()}, {});
    config.finish();
    FAIL() << "a mistake was accepted";
  } catch (const UserError& error) {
    for (const std::string& fragment : GetParam().fragments) {
      EXPECT_NE(std::string(error.what()).find(fragment), std::string::npos) << error.what();
    }
  }
}

std::string with(std::string text, const std::string& what, const std::string& instead) {
  return text.replace(text.find(what), what.size(), instead);
}

std::vector<Mistake> mistakes() {
  const std::string good = ztf_file(known_stars());
  const auto cut = [&](std::size_t stars) {
    std::vector<SyntheticStar> few = known_stars();
    few.resize(stars);
    return ztf_file(few);
  };
  const std::string row = "star0,2458000.1,14.0,0.01,0,zr\n", names = kZtfNames;
  const std::string catalogue = "[[photometry]]\nfiles = 'stars.csv'\nsource = 's'\nunit = 'mag'\n[photometry.bands]\n";
  const std::string parallax =
      "[[parallax]]\nfiles = 'stars.csv'\nsource = 's'\nrelease = 'DR3'\ng = 'g'\nbp_rp = 'c'\n"
      "error = 'e'\n";
  std::vector<Mistake> all;
  all.push_back({"ThreeStars", kZtf, cut(3), {"ZTF:r: 3 light curves", "at least 8 are needed"}});
  all.push_back({"NoColumn",
                 kZtf,
                 with(good, "magerr", "sigma"),
                 {"stars.csv: no column for error: expected magerr, or columns.error; it has: oid, hjd, mag, sigma"}});
  all.push_back({"NamedColumnMissing",
                 std::string(kZtf) + "columns = { time = 'bjd' }\n",
                 good,
                 {"stars.csv: no column 'bjd'; it has: oid, hjd"}});
  all.push_back({"NoNames", with(kZtf, "'ztf'", "'columns'"), good, {"no column for time: name it as columns.time"}});
  all.push_back({"NanTime",
                 kZtf,
                 names + row + with(row, "2458000.1", "nan"),
                 {"stars.csv:3: hjd = nan: expected a finite number"}});
  all.push_back({"TextMagnitude",
                 kZtf,
                 names + row + with(row, "14.0", "bright"),
                 {"stars.csv:3: mag = bright: expected a finite number or an empty field"}});
  all.push_back({"NegativeError",
                 kZtf,
                 names + row + with(row, "0.01", "-0.01"),
                 {"stars.csv:3: error = -0.01: expected an error of at least 0"}});
  all.push_back({"FluxCalledMagnitude",
                 kZtf,
                 names + row + with(row, "14.0", "52000"),
                 {"stars.csv:3: mag = 52000: not a magnitude"}});
  all.push_back({"FluxWithoutMagnitude",
                 with(kZtf, "'ztf'", "'columns'") + "columns = { time = 'hjd', flux = 'mag', error = 'magerr' }\n",
                 good,
                 {"stars.csv: fluxes of 'star0', whose magnitude is not known"}});
  all.push_back({"CutGzip",
                 with(kZtf, "stars.csv", "stars.csv.gz"),
                 "",
                 {"stars.csv.gz: not a complete gzip file"},
                 [good](const fs::path& folder) {
                   const fs::path file = folder / "stars.csv.gz";
                   const gzFile stream = gzopen(file.c_str(), "wb");
                   gzwrite(stream, good.data(), static_cast<unsigned>(good.size()));
                   gzclose(stream);
                   fs::resize_file(file, fs::file_size(file) / 2);
                 }});
  all.push_back({"EmptyFolder",
                 with(kZtf, "stars.csv", "empty"),
                 "",
                 {"bank.toml:5: light_curves[0].files", "empty has no .csv"},
                 [](const fs::path& folder) { fs::create_directory(folder / "empty"); }});
  all.push_back({"NoFile",
                 with(kZtf, "stars.csv", "none.csv"),
                 good,
                 {"bank.toml:5: light_curves[0].files = 'none.csv'", "is in none of the folders"}});
  all.push_back({"UnknownChannel",
                 with(kZtf, "ZTF:r", "ZTF:i"),
                 good,
                 {"bank.toml:3: light_curves[0].channel = 'ZTF:i': expected one of: ASAS-SN:V"}});
  all.push_back({"ChannelTwice", std::string(kZtf) + kZtf, good, {"light_curves[1].channel = 'ZTF:r': given twice"}});
  all.push_back(
      {"UnknownFormat", with(kZtf, "'ztf'", "'fits'"), good, {"expected one of: asas-sn, ztf, tess, columns"}});
  all.push_back({"UnknownKey",
                 std::string(kZtf) + "minimum = 3\n",
                 good,
                 {"bank.toml:8: light_curves[0].minimum: unknown key", "minimum_points"}});
  all.push_back({"UnknownColumnRole",
                 std::string(kZtf) + "columns = { magnitude = 'mag' }\n",
                 good,
                 {"light_curves[0].columns.magnitude: unknown key", "mag"}});
  all.push_back({"UnknownBand",
                 catalogue + "'Johnson:R' = { magnitude = 'm', error = 'e' }\n",
                 "m,e\n14,0.1\n",
                 {"bank.toml:7: photometry[0].bands.Johnson:R", "unknown band; allowed: GALEX:FUV"}});
  all.push_back({"NoUnit",
                 with(catalogue, "unit = 'mag'\n", "") + "'2MASS:J' = { magnitude = 'm', error = 'e' }\n",
                 "m,e\n14,0.1\n",
                 {"photometry[0].unit: missing; expected one of: mag, snr, flux"}});
  all.push_back({"CatalogueColumn",
                 catalogue + "'2MASS:J' = { magnitude = 'J', error = 'e' }\n",
                 "m,e\n14,0.1\n",
                 {"stars.csv: no column 'J'; it has: m, e"}});
  all.push_back({"NegativeCatalogueError",
                 catalogue + "'2MASS:J' = { magnitude = 'm', error = 'e' }\n",
                 "m,e\n14,0.1\n14,-0.1\n",
                 {"stars.csv:3: e = -0.1: expected at least 0"}});
  all.push_back({"ThreeCatalogueStars",
                 catalogue + "'2MASS:J' = { magnitude = 'm', error = 'e' }\n",
                 "m,e\n14,0.1\n14,0.1\n14,0.1\n",
                 {"2MASS:J: 3 stars in s, and no magnitude with 8 of them"}});
  all.push_back({"StandInForAMeasuredBand",
                 catalogue + "'2MASS:J' = { magnitude = 'm', error = 'e' }\n[[stand_in]]\nband = '2MASS:J'\nlike = "
                             "'2MASS:H'\nsource = 's'\n",
                 [] {
                   std::string text = "m,e\n";
                   for (int i = 0; i < 9; ++i) text += "14,0.1\n";
                   return text;
                 }(),
                 {"stand_in[0].band = '2MASS:J': is measured"}});
  all.push_back({"ParallaxUnit",
                 parallax + "unit = 'arcsec'\n",
                 "g,c,e\n14,1,0.1\n",
                 {"parallax[0].unit = 'arcsec': expected one of: mas"}});
  all.push_back({"NegativeParallaxError",
                 parallax + "unit = 'mas'\n",
                 "g,c,e\n14,1,-0.1\n",
                 {"stars.csv:2: e = -0.1: expected at least 0"}});
  all.push_back({"FewParallaxes",
                 parallax + "unit = 'mas'\n",
                 "g,c,e\n14,1,0.1\n",
                 {"bank.toml: 1 parallaxes of Gaia DR3; at least 20 are needed"}});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Mistakes, BadBank, testing::ValuesIn(mistakes()),
                         [](const auto& instance) { return instance.param.name; });

TEST(BuildBankWithoutBase, MissingChannelIsNamed) {
  const ScratchFolder scratch("no_base");
  write_text(scratch.path() / "stars.csv", ztf_file(known_stars()));
  try {
    build_bank(Config::parse(kZtf, "bank.toml"), {scratch.path()}, {});
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("bank.toml: no [[light_curves]] for channel ASAS-SN:V"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace penumbra

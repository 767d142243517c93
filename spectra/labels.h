// The labels of a star's spectrum: the one table that emulator files, the prior, the network and reports read.
//
// Zhang, Jayasinghe & Bloom (2023): the 25 labels of The Payne (Ting et al. 2019, ApJ 879, 69), in its order, and the
// velocity as the 26th. An emulator's inputs are abundances relative to hydrogen; the labels that the paper infers, and
// that stand here, are relative to iron. [X/H] = [X/Fe] + [Fe/H].
#pragma once

#include <array>
#include <string_view>

#include "base/host_device.h"

namespace penumbra {

enum LabelIndex : int {
  kLabelTeff = 0,
  kLabelLogg = 1,
  kLabelVmicro = 2,
  kLabelCarbon = 3,  // and so on to germanium, iron among them
  kLabelIron = 18,
  kLabelGermanium = 22,
  kLabelC12C13 = 23,
  kLabelVmacro = 24,
  kLabelVelocity = 25,
};
inline constexpr int kEmulatorLabelCount = 25, kLabelCount = 26;

using Labels = std::array<double, kLabelCount>;

struct Label {
  std::string_view name;
  std::string_view emulator_name;  // in emulator files; empty: not an input
  std::string_view unit;
  std::string_view tex;
  double low, high;  // of the prior (spectra/label_prior.h)
};

// The ranges are those in which the shipped emulator is trained (data/recipes/spectra/labels.py; the file's own are
// checked against them in tests/spectra/label_prior_test.cpp). They follow The Payne's training set, as SDSS describes
// it for its data release 19, with three exceptions: Teff begins at 3500 K and not at 3000, below which no model
// atmosphere could be had; [Fe/H] goes down to -2 and not -1.5; abundances are uniform relative to iron, not to
// hydrogen. The velocity is what a pipeline's leaves over: The Payne's fits allow 5 km/s.
inline constexpr std::array<Label, kLabelCount> kLabels{{
    {"teff", "teff", "K", R"(T_\mathrm{eff})", 3500.0, 8000.0},
    {"logg", "logg", "dex", R"(\log g)", 0.0, 5.0},
    {"vmicro", "vmicro", "km/s", R"(v_\mathrm{micro})", 0.5, 3.0},
    {"c_fe", "c_h", "dex", R"([\mathrm{C/Fe}])", -0.8, 0.5},
    {"n_fe", "n_h", "dex", R"([\mathrm{N/Fe}])", -0.5, 1.0},
    {"o_fe", "o_h", "dex", R"([\mathrm{O/Fe}])", -0.3, 0.6},
    {"na_fe", "na_h", "dex", R"([\mathrm{Na/Fe}])", -0.5, 0.5},
    {"mg_fe", "mg_h", "dex", R"([\mathrm{Mg/Fe}])", -0.3, 0.6},
    {"al_fe", "al_h", "dex", R"([\mathrm{Al/Fe}])", -0.5, 0.5},
    {"si_fe", "si_h", "dex", R"([\mathrm{Si/Fe}])", -0.3, 0.6},
    {"p_fe", "p_h", "dex", R"([\mathrm{P/Fe}])", -0.5, 0.5},
    {"s_fe", "s_h", "dex", R"([\mathrm{S/Fe}])", -0.3, 0.6},
    {"k_fe", "k_h", "dex", R"([\mathrm{K/Fe}])", -0.5, 0.5},
    {"ca_fe", "ca_h", "dex", R"([\mathrm{Ca/Fe}])", -0.3, 0.6},
    {"ti_fe", "ti_h", "dex", R"([\mathrm{Ti/Fe}])", -0.3, 0.6},
    {"v_fe", "v_h", "dex", R"([\mathrm{V/Fe}])", -0.5, 0.5},
    {"cr_fe", "cr_h", "dex", R"([\mathrm{Cr/Fe}])", -0.5, 0.5},
    {"mn_fe", "mn_h", "dex", R"([\mathrm{Mn/Fe}])", -0.5, 0.5},
    {"fe_h", "fe_h", "dex", R"([\mathrm{Fe/H}])", -2.0, 0.5},
    {"co_fe", "co_h", "dex", R"([\mathrm{Co/Fe}])", -0.5, 0.5},
    {"ni_fe", "ni_h", "dex", R"([\mathrm{Ni/Fe}])", -0.5, 0.5},
    {"cu_fe", "cu_h", "dex", R"([\mathrm{Cu/Fe}])", -0.5, 0.5},
    {"ge_fe", "ge_h", "dex", R"([\mathrm{Ge/Fe}])", -0.5, 0.5},
    {"c12_c13", "c12_c13", "", R"(^{12}\mathrm{C}/^{13}\mathrm{C})", 4.0, 90.0},
    {"vmacro", "vmacro", "km/s", R"(v_\mathrm{macro})", 0.0, 30.0},
    {"velocity", "", "km/s", "v", -5.0, 5.0},
}};

// [X/Fe] in the table, [X/H] in an emulator.
PN_HD constexpr bool is_relative_to_iron(int label) {
  return label >= kLabelCarbon && label <= kLabelGermanium && label != kLabelIron;
}

}  // namespace penumbra

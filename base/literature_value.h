// A published value, to be shown beside a posterior.
#pragma once

#include <string>

namespace penumbra {

struct LiteratureValue {
  int quantity;  // of those that the posterior reports: inference/quantities.h, or spectra/labels.h
  double value;
  double error;  // 0: none given
  std::string source;
};

}  // namespace penumbra

#include "inference/pair_classifier.h"

#include <Eigen/Dense>
#include <cmath>

namespace penumbra {
namespace {

constexpr double kRidge = 1e-3;  // of the mean square of a feature

class PairClassifier {
 public:
  PairClassifier(const std::vector<std::vector<double>>& differences, int folds) : fold_(differences.size()) {
    const auto rows = static_cast<Eigen::Index>(differences.size());
    const auto columns = static_cast<Eigen::Index>(differences.front().size());
    data_.resize(rows, columns);
    for (Eigen::Index i = 0; i < rows; ++i) {
      const auto& row = differences[static_cast<std::size_t>(i)];
      data_.row(i) = Eigen::Map<const Eigen::RowVectorXd>(row.data(), columns);
      fold_[static_cast<std::size_t>(i)] = static_cast<int>(i % folds);
    }
    // One scale for each feature, which exchanging the members of a pair does not change.
    for (Eigen::Index f = 0; f < columns; ++f) {
      const double scale = std::sqrt(data_.col(f).squaredNorm() / static_cast<double>(rows));
      if (scale > 0.0) data_.col(f) /= scale;
    }
    for (int k = 0; k < folds; ++k) {
      const Eigen::MatrixXd part = rows_of(k, true);
      solvers_.emplace_back(part.transpose() * part +
                            kRidge * static_cast<double>(part.rows()) * Eigen::MatrixXd::Identity(columns, columns));
    }
  }

  // labels[N] is 1, or -1 where the members of the pair are exchanged.
  double accuracy(const Eigen::VectorXd& labels) const {
    const auto folds = static_cast<int>(solvers_.size());
    Eigen::MatrixXd sums = Eigen::MatrixXd::Zero(data_.cols(), folds);  // of label * difference in each fold
    for (Eigen::Index i = 0; i < data_.rows(); ++i) sums.col(fold_of(i)) += labels[i] * data_.row(i).transpose();
    const Eigen::VectorXd total = sums.rowwise().sum();
    Eigen::MatrixXd weights(data_.cols(), folds);
    for (int k = 0; k < folds; ++k) weights.col(k) = solvers_[static_cast<std::size_t>(k)].solve(total - sums.col(k));
    double right = 0.0;
    for (Eigen::Index i = 0; i < data_.rows(); ++i) {
      const double score = labels[i] * data_.row(i).dot(weights.col(fold_of(i)));
      right += score > 0.0 ? 1.0 : score == 0.0 ? 0.5 : 0.0;
    }
    return right / static_cast<double>(data_.rows());
  }

  Eigen::Index size() const { return data_.rows(); }

 private:
  int fold_of(Eigen::Index i) const { return fold_[static_cast<std::size_t>(i)]; }
  Eigen::MatrixXd rows_of(int fold, bool all_others) const {
    std::vector<Eigen::Index> chosen;
    for (Eigen::Index i = 0; i < data_.rows(); ++i)
      if ((fold_of(i) != fold) == all_others) chosen.push_back(i);
    return data_(chosen, Eigen::all);
  }

  Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> data_;
  std::vector<int> fold_;
  std::vector<Eigen::LLT<Eigen::MatrixXd>> solvers_;
};

}  // namespace

PairTest classify_pairs(const std::vector<std::vector<double>>& differences, int folds, int permutations,
                        RandomStream& random) {
  const PairClassifier classifier(differences, folds);
  const double accuracy = classifier.accuracy(Eigen::VectorXd::Ones(classifier.size()));
  int as_good = 1;
  for (int k = 0; k < permutations; ++k) {
    Eigen::VectorXd labels(classifier.size());
    for (double& label : labels) label = random.uniform() < 0.5 ? 1.0 : -1.0;
    as_good += classifier.accuracy(labels) >= accuracy;
  }
  return {accuracy, as_good / (1.0 + permutations)};
}

std::vector<double> quadratic_features(const std::vector<double>& values, const std::vector<double>& context) {
  std::vector<double> features = values;
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = 0; j <= i; ++j) features.push_back(values[i] * values[j]);
    for (const double c : context) features.push_back(values[i] * c);
  }
  return features;
}

}  // namespace penumbra

#pragma once

#include <string>
#include <vector>

namespace moe::stats {

// A label of the Prometheus text, such as envoy_cluster_name="web".
struct Tag {
  std::string name;
  std::string value;
};

// What every stat is called: `name` in the flat form of /stats ("cluster.web.upstream_rq_total");
// `tagExtractedName` is the same without the tags' values ("cluster.upstream_rq_total"), from which
// /stats/prometheus makes "envoy_cluster_upstream_rq_total".
struct Identity {
  std::string name;
  std::string tagExtractedName;
  std::vector<Tag> tags;
};

struct Group;

// A stat's name in two parts: what its group shares, and its own. Both outlive the stat. Thousands
// of clusters have the same fifty names.
struct Label {
  const Group* group;
  const std::string* leaf;
  Identity identity() const;
};

} // namespace moe::stats

// Alerts, recording rules and dashboards as a mixin: the checked-in files, with what differs from place to place.
local groups = (import 'rules.json').groups;

{
  local config = self._config,

  _config+:: {
    // Where the pages of deploy/runbooks are; the files have them at Prometheus itself.
    runbookURL: '{{ $externalURL }}/consoles/runbooks',
    // Where Grafana is.
    grafanaURL: '',
    // Which targets are workers.
    selector: 'job="kozamori"',
  },

  local adapted(rule) = rule {
    expr: std.strReplace(rule.expr, 'job="kozamori"', config.selector),
  } + if std.objectHas(rule, 'alert') then {
    annotations+: {
      runbook_url: '%s/%s.md' % [config.runbookURL, rule.alert],
      dashboard_url: config.grafanaURL + rule.annotations.dashboard_url,
    },
  } else {},

  local only(kind) = {
    groups: [
      group { rules: rules }
      for group in groups
      for rules in [[adapted(rule) for rule in group.rules if std.objectHas(rule, kind)]]
      if std.length(rules) > 0
    ],
  },

  // Panels link their runbooks by a variable. What only Prometheus fills in is no place for Grafana.
  local linked(board) = board {
    templating+: {
      list: [
        if variable.name == 'runbooks' && !std.startsWith(config.runbookURL, '{{')
        then variable { query: config.runbookURL }
        else variable
        for variable in board.templating.list
      ],
    },
  },

  prometheusAlerts+:: only('alert'),
  prometheusRules+:: only('record'),
  grafanaDashboards+:: {
    'kozamori.json': linked(import '../grafana/kozamori.json'),
    'kozamori-bank.json': linked(import '../grafana/kozamori-bank.json'),
  },
}

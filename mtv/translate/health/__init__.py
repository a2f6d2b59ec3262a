"""Health: alarms as rules of Prometheus, and probes.

conditions.py       one condition of an alarm -> a comparison in PromQL, or why there is none
reach.py            which VMs and nodes an alarm is about
rules.py            an alarm -> alerting rules, with texts that no template of a source gets into
alarms.py           all alarms -> PrometheusRules, an AlertingRule, findings
probes.py           what mapping.yaml asks of a VM's health -> readiness and liveness probes
"""

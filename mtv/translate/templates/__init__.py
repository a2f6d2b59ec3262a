"""What VMs are made from: templates, instance types, preferences, pools.

images.py          which templates are taken along, and what stands in their way
templates.py       a template -> a DataVolume for each disk, a DataSource
instance_types.py  a source's instance type, a template's size -> VirtualMachineClusterInstancetype
chosen_types.py    the instance types that mapping.yaml gives to VMs
preferences.py     a guest's system -> the preference of its VM or DataSource
pools.py           pools of equal VMs: what is told of them
"""

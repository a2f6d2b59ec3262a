"""Where disks are stored: datastores and policies -> StorageClasses, disks -> DataVolumes.

disks.py       the concept; classes.py: which class, how large its claim; policies.py: what a policy
               asks for, and which class shows it
uses.py, findings.py
               which disks lie where; what a person has to decide or know
migration.py   another class after the import; moves.py: what is moved; migration_tools.py: by which
               tool of which version
"""

"""The local web app: pages for people, and the same verbs as JSON under ``/api``. Nothing leaves the machine.

=============  =======================================================================================================
`server`       joins pages and API and runs them on 127.0.0.1
`guard`        who may ask: hosts, origins, sizes, password, headers
`faults`       one error shape
`work`         one bench: long jobs with progress, one after another, off the event loop
`trials`       a virtual trial on request, kept small enough to answer
`studies`      a file that was dropped, to a report
`sessions`     each browser has its own folder
`words`        English and Ukrainian
`api`          JSON
`pages`        what people see
=============  =======================================================================================================
"""
